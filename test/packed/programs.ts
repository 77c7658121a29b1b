import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** More than any program here takes on a busy machine. A program that hangs fails the test instead of blocking it. */
const programMaxMs = 300_000;

/** Runs a program and returns its stdout. Rejects with all its output if it fails. */
export function output(program: string, args: readonly string[], folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: folder, timeout: programMaxMs }, (error, written, errors) => {
      if (error === null) {
        resolve(written);
      } else {
        reject(new Error(`${program} ${args.join(" ")} failed:\n${written}${errors}`));
      }
    });
  });
}

/** A server in its own process. */
export interface ServerProcess {
  readonly url: string;
  /** Sends SIGTERM. Returns the exit code. */
  stop(): Promise<number | null>;
}

/** Starts a program that writes JSON lines, and waits for the first one with a `url`. Rejects if the program exits before. */
export async function startServer(program: string, args: readonly string[], folder: string): Promise<ServerProcess> {
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout)) {
    const { url } = JSON.parse(line) as { readonly url?: string };
    if (url !== undefined) {
      child.stdout.resume();
      return { url, stop: () => stop(child) };
    }
  }
  throw new Error(`${program} ${args.join(" ")} ended before it served`);
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  return child.exitCode;
}
