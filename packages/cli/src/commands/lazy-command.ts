import { Command, type CommanderError } from "commander";
import { exitCodes } from "../outcome/exit-codes.ts";
import { mistakeJson, wantsJson } from "../outcome/json-errors.ts";

export interface LazyCommand {
  readonly name: string;
  readonly description: string;
  /** Creates the command. */
  readonly load: () => Promise<Command>;
}

/** A command whose code is loaded only when it is called, so that `parley` starts quickly. */
export function lazyCommand({ name, description, load }: LazyCommand): Command {
  const stub = new Command(name)
    .description(description)
    .argument("[args...]")
    .allowUnknownOption()
    .passThroughOptions()
    // The real command prints the help.
    .helpOption(false);
  stubs.add(stub);
  return stub.action(async () => {
    const command = await load();
    // Its help and its errors must name the whole command.
    command.name(`parley ${name}`);
    await prepared(command, command.name()).parseAsync(stub.args, { from: "user" });
  });
}

/** Gives a command, and its subcommands, the common exit codes and hint. */
export function prepared(command: Command, fullName: string): Command {
  command
    .showHelpAfterError(wantsJson() ? false : `(${fullName} --help shows the usage)`)
    .configureOutput({ outputError: writeError })
    .configureHelp({ subcommandTerm: termOf })
    .exitOverride(end);
  for (const inner of command.commands) {
    prepared(inner, `${fullName} ${inner.name()}`);
  }
  return command;
}

/** A command's usage, without `[options]`. */
function termOf(command: Command): string {
  const places = command.registeredArguments.map((place) => {
    const name = `${place.name()}${place.variadic ? "..." : ""}`;
    return place.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...(isStub(command) ? [] : places)].join(" ");
}

const stubs = new WeakSet<Command>();

function isStub(command: Command): boolean {
  return stubs.has(command);
}

/** Commander's error of a wrong command: its text, or JSON with `--json`. */
function writeError(text: string, write: (text: string) => void): void {
  write(wantsJson() ? `${JSON.stringify(mistakeJson(text.trim().replace(/^error: /, "")))}\n` : text);
}

function end(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.invalid);
}
