import { Command } from "commander";
import { upCommand } from "./commands/up.ts";
import type { ServiceDefinition } from "./stack/service-registry.ts";

export interface ProgramOptions {
  /** The services that the commands know. */
  readonly services: readonly ServiceDefinition[];
}

/** The `parley` command line: one file under commands/ for each command. */
export function createProgram({ services }: ProgramOptions): Command {
  return new Command("parley")
    .description("Starts Parley on this machine, and talks to it.")
    .showHelpAfterError("(parley --help tells what there is)")
    .addCommand(upCommand(services));
}
