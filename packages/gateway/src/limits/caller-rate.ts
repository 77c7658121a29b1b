import type { Clock } from "@parley/rpc";

/** How much one caller has asked for in the current window. */
export interface RateCount {
  /** This request included. */
  readonly current: number;
  /** Until the window ends, in milliseconds. */
  readonly remainingMs: number;
}

/** Callers counted at once. Beyond that the one seen longest ago is forgotten, so that nobody can fill the memory. */
const callersMax = 50_000;

/** Counts requests by caller in fixed windows: the same count whether they come by REST or by RPC. */
export class CallerRate {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #windows = new Map<string, { current: number; endMs: number }>();

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Counts a request. */
  count(caller: string): RateCount {
    const nowMs = this.#clock.monotonic();
    let window = this.#windows.get(caller);
    if (window === undefined || window.endMs <= nowMs) {
      // Set anew, so that the map stays in the order of the windows' ends.
      this.#windows.delete(caller);
      window = { current: 0, endMs: nowMs + this.#windowMs };
      this.#windows.set(caller, window);
      this.#forgetOldest();
    }
    window.current++;
    return { current: window.current, remainingMs: window.endMs - nowMs };
  }

  #forgetOldest(): void {
    if (this.#windows.size > callersMax) {
      for (const oldest of this.#windows.keys()) {
        this.#windows.delete(oldest);
        return;
      }
    }
  }
}
