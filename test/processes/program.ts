import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { eventually } from "./eventually.ts";

/** The start timeout of a program, in milliseconds. A start takes half a second, and many times that on a busy machine. */
const startMaxMs = 90_000;
/** The maximum output that is kept, in characters: enough for the reason of an exit. */
const outputMax = 4_000_000;

/** A program that a test can stop, continue, kill, and restart at the same address with the same data. */
export interface Program {
  readonly name: string;
  readonly url: string;
  /** Starts it and waits until it serves. `env` is added to its environment. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Starts it without waiting. */
  launch(env?: Readonly<Record<string, string>>): void;
  /** Waits until a launched program serves. Throws with its output if it exits or takes too long. */
  serves(): Promise<void>;
  /** Whether it was started and has not exited. */
  isRunning(): boolean;
  /** Its process id while it runs. */
  pid(): number | undefined;
  /** Sends a signal if it is running. */
  signal(signal: NodeJS.Signals): void;
  /** Waits for its exit. Returns the exit code, or null after a signal. */
  ended(): Promise<number | null>;
  /** Kills it, even if it is stopped, and waits for its exit. */
  kill(): Promise<void>;
  /** Its output since the last start. */
  output(): string;
}

export interface ProgramOptions {
  readonly name: string;
  readonly url: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it serves, by its output or by a request. */
  readonly isServing: (output: string) => Promise<boolean>;
  /** The user that runs it. Default: this process's. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Whether it must end with the test's process: a Node program with end-with-parent.ts. Default: no. */
  readonly endsWithParent?: boolean;
}

/** Creates a program without starting it. */
export function program({ name, url, command, args, isServing, ...options }: ProgramOptions): Program {
  let child: ChildProcess | undefined;
  let output = "";

  function launch(env: Readonly<Record<string, string>> = {}) {
    if (child !== undefined && !hasEnded(child)) {
      throw new Error(`${name} runs already`);
    }
    output = "";
    const started = spawn(command, args, {
      // Excludes the test's own environment: vitest's variables are not meant for programs.
      env: { PATH: process.env.PATH, ...options.env, ...env },
      ...options.user,
      stdio: options.endsWithParent === true ? ["ignore", "pipe", "pipe", "ipc"] : ["ignore", "pipe", "pipe"],
    });
    child = started;
    // The `exit` event follows, and all waits use that event.
    started.on("error", () => {});
    for (const stream of [started.stdout, started.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        if (child === started) output = (output + text).slice(-outputMax);
      });
    }
  }

  async function serves() {
    const launched = child;
    const answer = await eventually(
      async () => launched === undefined || hasEnded(launched) || (await isServing(output)),
      Boolean,
      startMaxMs,
    );
    if (!answer || launched === undefined || hasEnded(launched)) {
      throw new Error(`${name} did not start. Output:\n${output.slice(-outputMax)}`);
    }
  }

  async function ended(): Promise<number | null> {
    if (child !== undefined && !hasEnded(child)) {
      await once(child, "exit");
    }
    return child?.exitCode ?? null;
  }

  function signal(signal: NodeJS.Signals) {
    if (child !== undefined && !hasEnded(child)) child.kill(signal);
  }

  return {
    name,
    url,
    isRunning: () => child !== undefined && !hasEnded(child),
    pid: () => (child === undefined || hasEnded(child) ? undefined : child.pid),
    async start(env) {
      launch(env);
      await serves();
    },
    launch,
    serves,
    signal,
    ended,
    async kill() {
      signal("SIGKILL");
      await ended();
    },
    output: () => output,
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
