import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism, devNull } from "node:os";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A measured program, pinned to one core if the machine supports it. */
export interface PinnedProcess {
  readonly port: number;
  /** The CPU time so far, in microseconds. */
  cpuMicros(): Promise<number>;
  /** The resident memory, in bytes. */
  residentBytes(): Promise<number>;
  /** The memory after garbage collection. Only for a program with `heap-report.ts` loaded. */
  memory(): Promise<Memory>;
  stop(): Promise<void>;
}

/** A program's memory, in bytes. */
export interface Memory {
  readonly heapBytes: number;
  readonly residentBytes: number;
}

const taskset = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** Whether programs can be pinned to cores. */
export const pins = taskset;

/** The command line that runs a command on one core. */
export function onCore(core: number | "any", command: readonly string[]): readonly string[] {
  return taskset && core !== "any" ? ["taskset", "-c", String(core), ...command] : command;
}

/** Loaded into each program, so that it ends with the benchmark. */
const endWithParent = fileURLToPath(new URL("../processes/end-with-parent.ts", import.meta.url));

export interface StartOptions {
  readonly args?: readonly string[];
  /** 0 by default. */
  readonly core?: number | "any";
  readonly env?: NodeJS.ProcessEnv;
  /** The port of a program that does not report one. The start waits until it is healthy. */
  readonly port?: number;
  /** Modules to load first. */
  readonly imports?: readonly string[];
}

/** Receives the logs of contenders. */
const discarded = openSync(devNull, "w");
/** The time for a program to start, on a shared machine. */
const startTimeoutMs = 30_000;
/** The timeout of one health check before it is retried. */
const healthTimeoutMs = 1_000;
/** The time for a program to exit after SIGTERM. */
const stopTimeoutMs = 10_000;

/** Starts a contender, which reports its port on file descriptor 3. Its log is written and discarded. */
export async function startPinned(file: string, options: StartOptions = {}): Promise<PinnedProcess> {
  const { args = [], core = 0, env = {}, imports = [] } = options;
  const [program = "node", ...rest] = onCore(core, [
    process.execPath,
    "--no-warnings",
    ...[endWithParent, ...imports].flatMap((path) => ["--import", path]),
    file,
    ...args,
  ]);
  const child = spawn(program, rest, {
    // Not through this process: reading the log of a contender would take part of its processor.
    stdio: ["ignore", discarded, "inherit", "pipe", "ipc"],
    env: { ...process.env, ...env },
  });
  let tooLong: NodeJS.Timeout | undefined;
  const port = await new Promise<number>((resolve, reject) => {
    tooLong = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${file} did not start within ${startTimeoutMs} ms`));
    }, startTimeoutMs);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code}`)));
    if (options.port === undefined) {
      (child.stdio[3] as Readable).once("data", (chunk) => resolve(Number(String(chunk))));
    } else {
      healthy(options.port).then(resolve, reject);
    }
  }).finally(() => clearTimeout(tooLong));
  return {
    port,
    cpuMicros: () => cpuMicrosOf(child),
    residentBytes: async () =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1024,
    async memory() {
      const answer = once(child, "message", { signal: AbortSignal.timeout(startTimeoutMs) });
      child.send("heap");
      return (await answer)[0] as Memory;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) {
        return;
      }
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const tooLong = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
      await ended;
      clearTimeout(tooLong);
    },
  };
}

async function healthy(port: number): Promise<number> {
  for (const endMs = Date.now() + startTimeoutMs; Date.now() < endMs; await wait(50)) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`, {
      signal: AbortSignal.timeout(healthTimeoutMs),
    }).catch(() => undefined);
    if (answer?.ok) {
      return port;
    }
  }
  throw new Error(`nothing is healthy on port ${port}`);
}

/** `utime` and `stime` of proc(5), in hundredths of a second. */
async function cpuMicrosOf({ pid }: ChildProcess): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
