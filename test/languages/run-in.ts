import { execFile } from "node:child_process";
import type { Command } from "./languages.ts";

/** The result of a command: its exit code and its output. */
export interface Ran {
  readonly code: number;
  readonly output: string;
}

export interface RunOptions {
  readonly command: Command;
  /** Added to the environment of this process. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Default: 60,000. */
  readonly timeoutMs?: number;
}

/** Runs a command in a folder. A missing program or a timeout counts as a failure. */
export function runIn(folder: string, { command, variables = {}, timeoutMs = 60_000 }: RunOptions): Promise<Ran> {
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const env = { ...process.env, ...variables };
    execFile(program, args, { cwd: folder, env, timeout: timeoutMs, maxBuffer: 2 ** 24 }, (error, output, errors) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({
        code,
        output: `${output}${errors}${error !== null && code === 1 && output + errors === "" ? error : ""}`,
      });
    });
  });
}
