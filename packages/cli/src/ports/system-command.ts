import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** A tool of the system that takes longer, in milliseconds, is not waited for. */
const answerMaxMs = 5_000;

/** What a tool of the system prints; undefined if the tool is not there or does not answer. */
export async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(command, args, { timeout: answerMaxMs, windowsHide: true })).stdout;
  } catch (error) {
    // lsof ends with 1 where it finds nothing.
    const { code, stdout } = error as { readonly code?: unknown; readonly stdout?: string };
    return typeof code === "number" ? (stdout ?? "") : undefined;
  }
}
