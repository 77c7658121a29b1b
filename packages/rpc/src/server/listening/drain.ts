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
  /** The time for which calls are still accepted, after NOT_SERVING and again after the first GOAWAY, in milliseconds. */
  readonly noticeMs: number;
  /** The time for which idle HTTP/1.1 connections stay open after the port closed, in milliseconds. At most half of `graceMs`. */
  readonly http1DrainMs: number;
  /** The time limit for the whole drain, in milliseconds. */
  readonly graceMs: number;
  /** Called after the last call. */
  close(): Promise<void>;
}

/** Calls did not end within the grace period and were cut off. */
export class CallsCutError extends Error {
  override readonly name = "CallsCutError";
  /** The number of these calls. */
  readonly calls: number;

  constructor(calls: number) {
    super(`${calls} calls did not end within the grace period and were cut off`);
    this.calls = calls;
  }
}

/**
 * Closes a server without failing a call, in four steps:
 *
 * 1. Health reports NOT_SERVING. The server works as before for `noticeMs`, so that load balancers can remove it.
 * 2. The port closes, and open connections stay. New connections are refused before they send a request, so proxies retry on another server.
 *    If clients were asked first to close their connections, they would open new ones to this port. Those still in the accept queue when it
 *    closes would be reset with their requests.
 * 3. Clients are asked to close their connections: `connection: close` on the next response, or a first GOAWAY. Calls are still accepted for
 *    `noticeMs`, or until no connection is left.
 * 4. No more calls are accepted over HTTP/2. Idle HTTP/1.1 connections stay open for `http1DrainMs`: HTTP/1.1 has no GOAWAY, so a request that
 *    crosses the end of its connection is lost, unless it is the client that ends it. A proxy with a shorter idle timeout does so by then.
 *    In-flight calls may finish.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { environment, pipeline, health, listener, noticeMs, http1DrainMs, graceMs } = options;
  const { clock, log } = environment;
  const endMs = clock.monotonic() + graceMs;
  // The clock's timers do not keep the process alive, and nothing else may do so during the drain.
  const keepAlive = setInterval(() => {}, graceMs + 1);
  try {
    log.info({ calls: pipeline.openCalls.size, graceMs }, "draining");
    health.set("NOT_SERVING");
    await sleep(clock, Math.min(noticeMs, graceMs / 4));
    await listener.stopListening();
    listener.startDrain();
    const closedMs = clock.monotonic();
    const noticeEndMs = closedMs + Math.min(noticeMs, graceMs / 4);
    const http1EndMs = closedMs + Math.min(http1DrainMs, graceMs / 2);
    while (listener.connectionCount > 0 && clock.monotonic() < noticeEndMs) {
      await sleep(clock, Math.min(pollMs, noticeEndMs - clock.monotonic()));
    }
    listener.stopAccepting();
    const streamsEndMs = Math.min(clock.monotonic() + streamGraceMs, endMs);
    const isHttp1Open = () => listener.http1ConnectionCount > 0 && clock.monotonic() < http1EndMs;
    while ((pipeline.openCalls.size > 0 || isHttp1Open()) && clock.monotonic() < endMs) {
      if (clock.monotonic() >= streamsEndMs) {
        endStreams(pipeline);
      }
      await sleep(clock, pollMs);
      if (clock.monotonic() >= http1EndMs) {
        listener.closeIdle();
      }
    }
    listener.closeIdle();
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

/** The time for streams to end normally before they get UNAVAILABLE, in milliseconds. */
const streamGraceMs = 1_000;

/** The time to send the last responses after every call has ended, in milliseconds. */
const flushMs = 1_000;

const pollMs = 10;

function endStreams(pipeline: CallPipeline): void {
  for (const call of [...pipeline.openCalls]) {
    if (call.method.methodKind !== "unary") {
      call.abort(shuttingDown());
    }
  }
}
