import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A program under measurement, on one core if the machine can pin. */
export interface PinnedProcess {
  readonly port: number;
  /** The processor time it has used so far, in microseconds. */
  cpuMicros(): Promise<number>;
  /** The memory it holds now, in bytes. */
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
}

const taskset = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** Whether programs are pinned to cores. */
export const pins = taskset;

/** A command with its arguments, on one core. */
export function onCore(core: number | "any", command: readonly string[]): readonly string[] {
  return taskset && core !== "any" ? ["taskset", "-c", String(core), ...command] : command;
}

/** Loaded into each program, so that none of them outlives the bench, however that ends. */
const endWithParent = fileURLToPath(new URL("../processes/end-with-parent.ts", import.meta.url));

export interface StartOptions {
  readonly args?: readonly string[];
  /** 0 by default. */
  readonly core?: number | "any";
  readonly env?: NodeJS.ProcessEnv;
  /** Where it listens, for a program that knows nothing of the bench; it is waited for. */
  readonly port?: number;
}

/** Starts a contender, which tells its port on file descriptor 3. What it logs is thrown away, but it is written. */
export async function startPinned(file: string, options: StartOptions = {}): Promise<PinnedProcess> {
  const { args = [], core = 0, env = {} } = options;
  const [program = "node", ...rest] = onCore(core, [
    process.execPath,
    "--no-warnings",
    "--import",
    endWithParent,
    file,
    ...args,
  ]);
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "inherit", "pipe", "ipc"],
    env: { ...process.env, ...env },
  });
  child.stdout?.pipe(createWriteStream("/dev/null"));
  const port = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code}`)));
    if (options.port === undefined) {
      (child.stdio[3] as Readable).once("data", (chunk) => resolve(Number(String(chunk))));
    } else {
      healthy(options.port).then(resolve, reject);
    }
  });
  return {
    port,
    cpuMicros: () => cpuMicrosOf(child),
    residentBytes: async () =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1024,
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function healthy(port: number): Promise<number> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs; await wait(50)) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) {
      return port;
    }
  }
  throw new Error(`nothing is healthy on port ${port}`);
}

/** `utime` and `stime` of proc(5), which count hundredths of a second. */
async function cpuMicrosOf({ pid }: ChildProcess): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
