import { createRequire } from "node:module";
import { Command } from "commander";
import { allCommands } from "./commands/all-commands.ts";
import { lazyCommand, prepared } from "./commands/lazy-command.ts";
import type { ServiceDefinition } from "./service/service-registry.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { readonly version: string };

export interface ProgramOptions {
  /** The services that the commands know. */
  readonly services: readonly ServiceDefinition[];
}

/** The `parley` command line: one file under commands/ for each command, loaded when it is called. */
export function createProgram({ services }: ProgramOptions): Command {
  const program = new Command("parley")
    .description("Runs Parley on this machine, and calls its services.")
    .version(version, "-V, --version", "print the version")
    .enablePositionalOptions()
    .helpCommand(false);
  for (const command of allCommands(services)) {
    program.addCommand(lazyCommand(command));
  }
  program.addCommand(
    new Command("help")
      .description("Shows help for a command, for example `parley help order create`.")
      .argument("[command...]")
      .action(async (names: readonly string[]) => {
        await createProgram({ services }).parseAsync([...names, "--help"], { from: "user" });
      }),
  );
  return prepared(program, program.name());
}
