import { sleep } from "../../environment/clock.ts";
import type { Environment } from "../../environment/environment.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import { shuttingDown } from "../pipeline/limit-errors.ts";
import type { Health } from "../standard/health.ts";
import type { Listener } from "./listener.ts";

export interface DrainOptions {
  readonly name: string;
  readonly environment: Environment;
  readonly pipeline: CallPipeline;
  readonly health: Health;
  readonly listener: Listener;
  /** How long calls are still accepted after health says NOT_SERVING, and again after clients were asked to go elsewhere, in milliseconds. */
  readonly noticeMs: number;
  /** How long all of it may take, in milliseconds. */
  readonly graceMs: number;
  /** What is done once no call is left. */
  close(): Promise<void>;
}

/** Calls did not end inside the grace period and were cut off. */
export class CallsCutError extends Error {
  override readonly name = "CallsCutError";
  /** How many. */
  readonly calls: number;

  constructor(calls: number) {
    super(`${calls} calls did not end within the grace period and were cut off`);
    this.calls = calls;
  }
}

/**
 * Closes a server without failing a call that was sent to it, in four steps:
 *
 * 1. Health says NOT_SERVING. For `noticeMs` all else goes on, so that load balancers can stop choosing this server.
 * 2. The port is closed, while connections are still kept. A new connection is refused before it has sent anything, which every proxy repeats
 *    elsewhere. If clients were asked to close their connections first, they would open new ones at this port until it closes, and those that wait
 *    to be accepted at that moment would be reset with their requests.
 * 3. Clients are asked to close their connections: `connection: close` on the next answer, a first GOAWAY. Calls are still accepted for `noticeMs`,
 *    or until no connection is left.
 * 4. No more calls are accepted, and those that are open may finish.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { environment, pipeline, health, listener, noticeMs, graceMs } = options;
  const { clock, log } = environment;
  const endMs = clock.monotonic() + graceMs;
  // The clock's timers do not keep a process alive, and while it drains nothing else may be left that does.
  const keepAlive = setInterval(() => {}, graceMs + 1);
  try {
    log.info({ calls: pipeline.openCalls.size, graceMs }, "draining");
    health.set("NOT_SERVING");
    await sleep(clock, Math.min(noticeMs, graceMs / 4));
    await listener.stopListening();
    listener.startDrain();
    const noticeEndMs = clock.monotonic() + Math.min(noticeMs, graceMs / 4);
    while (listener.connectionCount > 0 && clock.monotonic() < noticeEndMs) {
      await sleep(clock, Math.min(pollMs, noticeEndMs - clock.monotonic()));
    }
    listener.stopAccepting();
    const streamsEndMs = Math.min(clock.monotonic() + streamGraceMs, endMs);
    while (pipeline.openCalls.size > 0 && clock.monotonic() < endMs) {
      if (clock.monotonic() >= streamsEndMs) {
        endStreams(pipeline);
      }
      await sleep(clock, pollMs);
      listener.closeIdle();
    }
    const cut = pipeline.openCalls.size;
    const flushedMs = Math.min(clock.monotonic() + flushMs, Math.max(endMs, clock.monotonic()));
    while (listener.connectionCount > 0 && cut === 0 && clock.monotonic() < flushedMs) {
      await sleep(clock, pollMs);
      listener.closeIdle();
    }
    for (const call of [...pipeline.openCalls]) {
      call.abort(shuttingDown());
    }
    listener.destroy();
    await options.close();
    if (cut > 0) {
      throw new CallsCutError(cut);
    }
    log.info("drained");
  } finally {
    clearInterval(keepAlive);
  }
}

/** How long streams may go on: long enough for one that is about to end, short for one that never would. */
const streamGraceMs = 1_000;

/** How long the last answers may take to leave, once every call has ended. */
const flushMs = 1_000;

const pollMs = 10;

function endStreams(pipeline: CallPipeline): void {
  for (const call of [...pipeline.openCalls]) {
    if (call.method.methodKind !== "unary") {
      call.abort(shuttingDown());
    }
  }
}
