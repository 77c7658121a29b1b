import type { Command } from "commander";
import { type ConnectionOptions, withConnectionOptions } from "../connection/connection-options.ts";

/** The options of a command that calls a method. */
export interface CallOptions extends ConnectionOptions {
  readonly json?: true;
  readonly data?: string;
}

/** Adds the options of every command that calls a method. */
export function withCallOptions(command: Command): Command {
  command.option("--data <json>", "the whole request as JSON; @file reads a file, - the standard input");
  command.option("--json", "print the answer as JSON, and an error as JSON on the error output");
  return withConnectionOptions(command);
}
