import type { Command } from "commander";
import { type ConnectionOptions, withConnectionOptions } from "../connection/connection-options.ts";

/** What a command that calls a method was given. */
export interface CallOptions extends ConnectionOptions {
  readonly json?: true;
  readonly data?: string;
}

/** Adds to a command what every command takes that calls a method. */
export function withCallOptions(command: Command): Command {
  command.option("--data <json>", "the whole request as JSON; @file reads a file, - the standard input");
  command.option("--json", "print the answer as JSON, and an error as JSON on the error output");
  return withConnectionOptions(command);
}
