import type { CallOptions, Command, Database } from "./database.ts";

/** Runs a command on a database and resolves with its result once it is durable. Throws the command's refusal. */
export function execute<I, O>(
  database: Database,
  command: Command<I, O>,
  { input, signal }: { readonly input: I } & CallOptions,
): Promise<O> {
  return database.execute === undefined
    ? database.transaction((transaction) => command.one(transaction, input), { signal })
    : database.execute(command, input, { signal });
}
