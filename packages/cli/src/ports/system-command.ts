import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The time limit of a system tool, in milliseconds. */
const answerMaxMs = 5_000;

/** The output of a system tool; undefined if the tool is missing or does not answer. */
export async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(command, args, { timeout: answerMaxMs, windowsHide: true })).stdout;
  } catch (error) {
    // lsof exits with 1 if it finds nothing.
    const { code, stdout } = error as { readonly code?: unknown; readonly stdout?: string };
    return typeof code === "number" ? (stdout ?? "") : undefined;
  }
}
