/**
 * How far a failed attempt got, as the transport that made it knows:
 * - "unsent": it never left this process (no connection, breaker open). Nothing was repeated by trying again.
 * - "refused": it left, and the server said that it did not look at it (REFUSED_STREAM, or GOAWAY below the stream's id).
 * - "unknown": it may have been processed.
 */
export type Reach = "unsent" | "refused" | "unknown";

const reaches = new WeakMap<object, Reach>();

/** Notes on an error how far the attempt got. For transports, the simulated ones included. Answers the error. */
export function markReach<E extends object>(error: E, reach: Reach): E {
  reaches.set(error, reach);
  return error;
}

/** How far the attempt that failed with this error got. */
export function reachOf(error: unknown): Reach {
  return (typeof error === "object" && error !== null && reaches.get(error)) || "unknown";
}

/**
 * Tells that no attempt of the failed call can have been processed by the server: the breaker was open, no connection could be made, or
 * the server refused to look at it. False wherever there is doubt.
 */
export function neverSent(error: unknown): boolean {
  return reachOf(error) !== "unknown";
}
