import { Code, ConnectError } from "@connectrpc/connect";

/**
 * How far a failed attempt got, as the transport that made it knows:
 * - "unsent": a connection was there, but the call never left on it. Another try repeats nothing.
 * - "unreachable": there is no connection to send it on.
 * - "breaker-open": the breaker let nothing out.
 * - "refused": it left, and the server said that it did not look at it (REFUSED_STREAM, or GOAWAY below the stream's id).
 * - "lost": its connection broke while it was in flight. It may have been processed.
 * - "answered": the server answered with this error.
 * - "unknown": it may have been processed.
 */
export type Reach = "unsent" | "unreachable" | "breaker-open" | "refused" | "lost" | "answered" | "unknown";

const reaches = new WeakMap<object, Reach>();
const ownTimers = new WeakSet<object>();
const lostWith = new WeakMap<object, object>();

/** Notes on an error how far the attempt got. For transports, simulated ones included. Returns the error. */
export function markReach<E extends object>(error: E, reach: Reach): E {
  reaches.set(error, reach);
  return error;
}

/** How far the attempt that failed with this error got. */
export function reachOf(error: unknown): Reach {
  return (typeof error === "object" && error !== null ? reaches.get(error) : undefined) ?? "unknown";
}

/** Notes on an error with which connection the attempt was lost: all of its calls fail together. Returns the error. */
export function markLost<E extends object>(error: E, connection: object): E {
  lostWith.set(error, connection);
  return markReach(error, "lost");
}

/** The connection that the attempt was lost with. Undefined if it failed otherwise. */
export function lostConnectionOf(error: object): object | undefined {
  return lostWith.get(error);
}

/** Notes on an error that it is this side's deadline that passed, not one that the server told of. Returns the error. */
export function markOwnTimer<E extends object>(error: E): E {
  ownTimers.add(error);
  return error;
}

/** Whether a signal's reason is that a deadline has passed. */
export function isDeadline(reason: unknown): boolean {
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
}

/** Whether it is this side's deadline that passed. */
export function isOwnTimer(error: unknown): boolean {
  return typeof error === "object" && error !== null && ownTimers.has(error);
}

/**
 * Tells that no attempt of the failed call can have been processed by the server: the breaker was open, no connection could be
 * made, or the server refused to look at it. False wherever there is doubt.
 */
export function neverSent(error: unknown): boolean {
  const reach = reachOf(error);
  return reach !== "unknown" && reach !== "answered" && reach !== "lost";
}
