import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../processes/free-port.ts";
import type { LoopReading } from "./loop-monitor.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const monitor = fileURLToPath(new URL("loop-monitor.ts", import.meta.url));
const endWithParent = fileURLToPath(new URL("../../processes/end-with-parent.ts", import.meta.url));
const compileCache = join(root, "node_modules/.cache/parley/compile");

/** The heap limit of each process, in MB. */
const heapMb = 256;
/** The time for a process to start, on a shared machine. */
const startMaxMs = 60_000;
/** How long to wait for a process with a blocked event loop. */
const readingMaxMs = 60_000;

/** A process of the platform under attack. */
export interface TargetProcess {
  readonly name: string;
  readonly url: string;
  /** The admin URL, if metrics are not on the public port. */
  readonly adminUrl: string;
  readonly pid: number;
  isAlive(): boolean;
  /** The last lines of its log. */
  lastLines(): string;
  /** The loop monitor's values since the last reset. Undefined if the process has exited or does not respond. */
  loop(action: "reset" | "read"): Promise<LoopReading | undefined>;
  kill(): Promise<void>;
}

export interface TargetOptions {
  readonly name: string;
  /** Its main file, relative to the repository's root. */
  readonly main: string;
  /** The folder of its log. */
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly tls?: boolean;
  readonly port: number;
}

/** Starts a service with a small heap and the loop monitor, and waits until its port accepts connections. */
export async function startTarget({
  name,
  main,
  folder,
  settings,
  port,
  tls = false,
}: TargetOptions): Promise<TargetProcess> {
  const adminPort = await freePort();
  const logFile = join(folder, `${name}.log`);
  const log = openSync(logFile, "a");
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMb}`, "--import", monitor, "--import", endWithParent, join(root, main)],
    {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: compileCache,
        PORT: String(port),
        ADMIN_PORT: String(adminPort),
        ...settings,
      },
      stdio: ["ignore", log, log, "ipc"],
    },
  );
  closeSync(log);
  child.on("error", () => {});
  const isAlive = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const lastLines = () => readFileSync(logFile, "utf8").split("\n").slice(-12).join("\n");
  const endMs = performance.now() + startMaxMs;
  while (!readFileSync(logFile, "utf8").includes('"msg":"serving"')) {
    if (!isAlive() || performance.now() > endMs) {
      child.kill("SIGKILL");
      throw new Error(`${name} did not start. Last lines:\n${lastLines()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    name,
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    pid: child.pid ?? 0,
    isAlive,
    lastLines,
    loop: (action) => askMonitor(child, action),
    async kill() {
      if (!isAlive()) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

let asked = 0;

export function askMonitor(child: ChildProcess, action: "reset" | "read"): Promise<LoopReading | undefined> {
  const id = ++asked;
  return new Promise((resolve) => {
    const timer = setTimeout(() => end(undefined), readingMaxMs);
    const onMessage = (message: { readonly monitor?: number; readonly reading?: LoopReading }) => {
      if (message.monitor === id) end(message.reading);
    };
    const onExit = () => end(undefined);
    function end(reading: LoopReading | undefined) {
      clearTimeout(timer);
      child.off("message", onMessage).off("exit", onExit);
      resolve(reading);
    }
    child.on("message", onMessage).on("exit", onExit);
    if (child.connected)
      child.send({ monitor: action, id }, (error) => error !== null && error !== undefined && end(undefined));
    else end(undefined);
  });
}
