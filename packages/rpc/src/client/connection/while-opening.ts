import type { Socket } from "node:net";
import type { Clock } from "../../environment/clock.ts";

export interface WhileOpeningOptions {
  readonly clock: Clock;
  /** The rest of the time to connect, in milliseconds. */
  readonly leftMs: number;
  /** The whole time to connect, in milliseconds, for the error's text. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called once, with the socket destroyed, if it fails, closes, is not ready in time or is aborted. */
  readonly onFailed: (error: Error) => void;
}

/** A server with TLS closes a connection without it, and the other way round. */
const closedEarly =
  "the server closed the connection before it was ready. Does the URL's scheme fit the port: https:// for TLS, http:// without?";

/** A socket that is being opened. */
export interface Opening {
  /** Fails it. */
  fail(error: Error): void;
  /** Fails it with the reason of the signal. */
  abort(): void;
  /** The socket is ready: stops watching it. */
  settle(): void;
}

/** Watches a socket until it is ready. */
export function whileOpening(
  socket: Socket,
  { clock, leftMs, timeoutMs, signal, onFailed }: WhileOpeningOptions,
): Opening {
  const cancelTimeout = clock.after(leftMs, () => fail(new Error(`no answer within ${timeoutMs} ms`)));

  function fail(error: Error): void {
    settle();
    socket.destroy();
    onFailed(error);
  }
  function closed(): void {
    fail(new Error(closedEarly));
  }
  function abort(): void {
    fail(signal.reason instanceof Error ? signal.reason : new Error("the client was closed"));
  }
  function settle(): void {
    cancelTimeout();
    signal.removeEventListener("abort", abort);
    socket.off("error", fail);
    socket.off("close", closed);
  }
  signal.addEventListener("abort", abort);
  socket.on("error", fail);
  socket.on("close", closed);
  return { fail, abort, settle };
}
