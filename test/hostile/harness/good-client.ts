import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ServiceName, TargetKind } from "../attack.ts";

/** What the good client asks for, and how. */
export interface GoodLoad {
  readonly url: string;
  readonly kind: TargetKind;
  readonly victim: ServiceName;
  readonly token: string | undefined;
  readonly userId: string;
  readonly productId: string;
  /** An answer that comes later is an error, in milliseconds. */
  readonly deadlineMs: number;
  /** The processes that a call goes through: how long they had no core is not held against them. */
  readonly pids: readonly number[];
}

/** What the good client saw while it ran. Times in milliseconds. */
export interface GoodResult {
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The same, less the time for which the processes had no core: a machine that others use changes little. */
  readonly p99OwnMs: number;
  /** Errors of calls that were late because the processes had no core. */
  readonly errorsByMachine: number;
  /** What the errors were, the most frequent first. */
  readonly errorTexts: readonly string[];
}

/** A well-behaved caller in a process of its own. */
export interface GoodClient {
  start(load: GoodLoad): Promise<void>;
  /** Stops calling, waits for calls in flight, and closes its connections. */
  stop(): Promise<GoodResult>;
  dispose(): void;
}

const program = fileURLToPath(new URL("good-client-process.ts", import.meta.url));

export function forkGoodClient(): GoodClient {
  const child = fork(program, [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  return {
    async start(load) {
      await ask(child, { start: load });
    },
    stop: () => ask(child, { stop: true }) as Promise<GoodResult>,
    dispose: () => child.kill("SIGKILL"),
  };
}

async function ask(child: ChildProcess, message: object): Promise<unknown> {
  const answered = once(child, "message");
  child.send(message);
  const [answer] = await answered;
  return answer;
}
