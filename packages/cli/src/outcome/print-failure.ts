import { ConnectError } from "@connectrpc/connect";
import type { Parameter } from "../contract/parameters.ts";
import { createTerminal } from "../terminal/terminal.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { failureLines } from "./failure.ts";
import { failureJson } from "./failure-json.ts";
import { mistakeJson, wantsJson } from "./json-errors.ts";
import { UsageError } from "./usage-error.ts";

export interface PrintFailureOptions {
  readonly json?: boolean;
  /** The request's parameters: a wrong field is named by its flag. */
  readonly parameters?: readonly Parameter[];
  /** The trace of the call that failed, for `parley trace`. */
  readonly traceId?: string | undefined;
}

/** Prints a failure on standard error, as JSON with `--json`. Returns the exit code. */
export function printFailure(
  error: unknown,
  { json = wantsJson(), parameters = [], traceId }: PrintFailureOptions = {},
): number {
  const { colors } = createTerminal();
  if (error instanceof UsageError) {
    say(json ? JSON.stringify(mistakeJson(error.message)) : `${colors.red("error:")} ${error.message}`);
    return exitCodes.invalid;
  }
  if (error instanceof ConnectError) {
    say(
      json
        ? JSON.stringify(failureJson(error, { parameters, traceId }))
        : failureLines(error, { colors, parameters, traceId }).join("\n"),
    );
    return exitCodeOf(error.code);
  }
  // A bug: the stack shows where.
  say(String(error instanceof Error ? error.stack : error));
  return exitCodes.other;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
