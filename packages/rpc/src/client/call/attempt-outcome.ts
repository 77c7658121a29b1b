import { Code, ConnectError } from "@connectrpc/connect";

/**
 * How far a failed attempt got, as far as its transport knows:
 * - "unsent": it had a connection, but was never sent on it. A retry repeats nothing.
 * - "unreachable": there was no connection.
 * - "breaker-open": the circuit breaker refused it.
 * - "refused": it was sent, and the server did not process it (REFUSED_STREAM, or GOAWAY below the stream's id).
 * - "lost": its connection broke while it was in flight. It may have been processed.
 * - "answered": the server answered with this error.
 * - "unknown": it may have been processed.
 */
export type DeliveryStatus = "unsent" | "unreachable" | "breaker-open" | "refused" | "lost" | "answered" | "unknown";

const deliveryStatuses = new WeakMap<object, DeliveryStatus>();
const ownTimers = new WeakSet<object>();
const lostWith = new WeakMap<object, object>();

/** Records on an error how far the attempt got. For transports, simulated ones included. Returns the error. */
export function markDeliveryStatus<E extends object>(error: E, deliveryStatus: DeliveryStatus): E {
  deliveryStatuses.set(error, deliveryStatus);
  return error;
}

/** How far the attempt that failed with this error got. */
export function deliveryStatusOf(error: unknown): DeliveryStatus {
  return (typeof error === "object" && error !== null ? deliveryStatuses.get(error) : undefined) ?? "unknown";
}

/** Records on an error the connection that was lost: all of its calls fail together. Returns the error. */
export function markLost<E extends object>(error: E, connection: object): E {
  lostWith.set(error, connection);
  return markDeliveryStatus(error, "lost");
}

/** The connection that was lost. Undefined if the attempt failed otherwise. */
export function lostConnectionOf(error: object): object | undefined {
  return lostWith.get(error);
}

/** Records on an error that this side's deadline passed, not one that the server reported. Returns the error. */
export function markOwnTimer<E extends object>(error: E): E {
  ownTimers.add(error);
  return error;
}

/** Whether a signal's reason is that a deadline has passed. */
export function isDeadline(reason: unknown): boolean {
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
}

/** Whether this side's deadline passed. */
export function isOwnTimer(error: unknown): boolean {
  return typeof error === "object" && error !== null && ownTimers.has(error);
}

/**
 * Whether no attempt of the failed call can have been processed by the server: the breaker was open, no connection could be
 * made, or the server refused it. False in case of doubt.
 */
export function neverSent(error: unknown): boolean {
  const deliveryStatus = deliveryStatusOf(error);
  return deliveryStatus !== "unknown" && deliveryStatus !== "answered" && deliveryStatus !== "lost";
}
