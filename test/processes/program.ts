import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { eventually } from "./eventually.ts";

/** How long a program may take to start, in milliseconds: it takes half a second, on a busy machine many times that. */
const startMaxMs = 40_000;
/** How much of what a program says is kept, in characters: enough for the reason why it ended. */
const outputMax = 4_000_000;

/** A program that a test can end, stop, continue, and start again at the same address with the same data. */
export interface Program {
  readonly name: string;
  readonly url: string;
  /** Starts it and waits until it serves. `env` is added to what it always gets. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Starts it and waits for nothing. */
  launch(env?: Readonly<Record<string, string>>): void;
  /** Waits until the one that was launched serves. Throws, with what it said, if it ends or takes too long. */
  serves(): Promise<void>;
  /** Whether it was started and has not ended. */
  isRunning(): boolean;
  /** Sends a signal, if it runs. */
  signal(signal: NodeJS.Signals): void;
  /** Waits for its end; the exit code, or null where a signal ended it. */
  ended(): Promise<number | null>;
  /** Ends it at once, even one that is stopped, and waits for its end. */
  kill(): Promise<void>;
  /** What it has said since it was started last. */
  output(): string;
}

export interface ProgramOptions {
  readonly name: string;
  readonly url: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it serves, by what it has said or by asking it. */
  readonly isServing: (output: string) => Promise<boolean>;
  /** Whether it is to be told when the test is gone: a Node program with end-with-parent.ts. Default: no. */
  readonly endsWithParent?: boolean;
}

/** Describes a program; nothing runs before `start`. */
export function program({ name, url, command, args, isServing, ...options }: ProgramOptions): Program {
  let child: ChildProcess | undefined;
  let output = "";

  function launch(env: Readonly<Record<string, string>> = {}) {
    if (child !== undefined && !hasEnded(child)) {
      throw new Error(`${name} runs already`);
    }
    output = "";
    const started = spawn(command, args, {
      // Nothing of the test's own environment: what vitest sets is not meant for programs.
      env: { PATH: process.env.PATH, ...options.env, ...env },
      stdio: options.endsWithParent === true ? ["ignore", "pipe", "pipe", "ipc"] : ["ignore", "pipe", "pipe"],
    });
    child = started;
    // Said by `exit` as well, which is what everybody waits for.
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
      throw new Error(`${name} did not start. It said:\n${output.slice(-outputMax)}`);
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
