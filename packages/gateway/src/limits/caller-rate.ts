import type { Clock } from "@parley/rpc";
import { LRUCache } from "lru-cache";

/** The requests of one caller in the current window. */
export interface RateCount {
  /** This request included. */
  readonly current: number;
  /** Until the window ends, in milliseconds. */
  readonly remainingMs: number;
}

/** The most callers in memory, about 10 MB. Beyond that the least recently seen caller is evicted. */
const callersMax = 50_000;

/** Counts requests by caller in fixed windows, for REST and RPC together. */
export class CallerRate {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #windows = new LRUCache<string, { current: number; endMs: number }>({ max: callersMax });

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Counts a request. */
  count(caller: string): RateCount {
    const nowMs = this.#clock.monotonic();
    let window = this.#windows.get(caller);
    if (window === undefined || window.endMs <= nowMs) {
      window = { current: 0, endMs: nowMs + this.#windowMs };
      this.#windows.set(caller, window);
    }
    window.current++;
    return { current: window.current, remainingMs: window.endMs - nowMs };
  }
}
