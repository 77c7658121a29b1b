import type { Clock } from "../../environment/clock.ts";
import type { Endpoint } from "./resolution/endpoint.ts";

/** RFC 8305, section 5: "Connection Attempt Delay", the recommended 250 ms. */
export const attemptDelayMs = 250;

export interface RaceOptions<T> {
  /** Opens a connection; abandons it when the signal aborts. */
  readonly open: (endpoint: Endpoint, signal: AbortSignal) => Promise<T>;
  /** Closes a connection that came second. */
  readonly discard: (connection: T) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Connects to the first of several addresses that answers (RFC 8305, "Happy Eyeballs"): the next attempt starts as soon as one fails, or after
 * 250 ms without an answer, in parallel with pending ones. Earlier addresses have the advantage of an earlier start. Rejects with the
 * error of the only attempt, or an `AggregateError` of all.
 */
export function raceEndpoints<T>(
  endpoints: readonly Endpoint[],
  { open, discard, clock, signal }: RaceOptions<T>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const losers = new AbortController();
  const errors: unknown[] = [];
  let started = 0;
  let settled = false;
  let cancelTimer: () => void = () => {};

  function settle(): void {
    settled = true;
    cancelTimer();
    signal.removeEventListener("abort", abort);
    losers.abort(new Error("another address answered first"));
  }
  function abort(): void {
    settle();
    reject(new Error("the client was closed"));
  }
  function start(): void {
    cancelTimer();
    const endpoint = endpoints[started];
    if (endpoint === undefined || settled) {
      return;
    }
    started++;
    open(endpoint, losers.signal).then(won, failed);
    if (started < endpoints.length) {
      cancelTimer = clock.after(attemptDelayMs, start);
    }
  }
  function won(connection: T): void {
    if (settled) {
      discard(connection);
      return;
    }
    settle();
    resolve(connection);
  }
  function failed(error: unknown): void {
    if (settled) {
      return;
    }
    errors.push(error);
    if (errors.length === endpoints.length) {
      settle();
      reject(errors.length === 1 ? error : new AggregateError(errors));
    } else {
      start();
    }
  }

  if (endpoints.length === 0) {
    return Promise.reject(new Error("it has no address"));
  }
  if (signal.aborted) {
    abort();
    return promise;
  }
  signal.addEventListener("abort", abort);
  start();
  return promise;
}
