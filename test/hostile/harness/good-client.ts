import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ServiceName, TargetKind } from "../attack.ts";

/** The calls of the good client. */
export interface GoodLoad {
  readonly url: string;
  readonly kind: TargetKind;
  readonly victim: ServiceName;
  readonly token: string | undefined;
  readonly userId: string;
  readonly productId: string;
  /** A later response counts as an error, in milliseconds. */
  readonly deadlineMs: number;
  /** The processes on the call's path. The time for which they waited for a core is not counted. */
  readonly pids: readonly number[];
}

/** The measurements of the good client. Times in milliseconds. */
export interface GoodResult {
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The same, minus the time for which the processes waited for a core, so that other load on the machine matters little. */
  readonly p99OwnMs: number;
  /** Errors of calls that were late because the processes waited for a core. */
  readonly errorsByMachine: number;
  /** The error messages, most frequent first. */
  readonly errorTexts: readonly string[];
}

/** A well-behaved client in its own process. */
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
