import type { Clock } from "../../environment/clock.ts";

/** Something that ends at a given time unless it is taken off the watch before. */
export interface Expiring {
  /** On the clock's monotonic scale. */
  readonly deadlineMs: number;
  onDeadline(): void;
}

/**
 * Ends many things on time with one timer: armed for the earliest deadline only, so that a call that ends in time costs an entry in a
 * set and no timer of its own. When the timer rings, all entries are looked at; calls under way are few, and it rings rarely.
 */
export class DeadlineWatch {
  readonly #clock: Clock;
  readonly #watched = new Set<Expiring>();
  #ringsAtMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(expiring: Expiring): void {
    this.#watched.add(expiring);
    if (expiring.deadlineMs < this.#ringsAtMs) {
      this.#arm(expiring.deadlineMs);
    }
  }

  delete(expiring: Expiring): void {
    this.#watched.delete(expiring);
  }

  #arm(atMs: number): void {
    this.#cancel();
    this.#ringsAtMs = atMs;
    // Timers count whole milliseconds and drop the rest: rounding up keeps them from ringing before the deadline.
    this.#cancel = this.#clock.after(Math.ceil(atMs - this.#clock.monotonic()), () => this.#ring());
  }

  #ring(): void {
    const nowMs = this.#clock.monotonic();
    this.#ringsAtMs = Number.POSITIVE_INFINITY;
    const expired: Expiring[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const each of this.#watched) {
      if (each.deadlineMs <= nowMs) {
        expired.push(each);
      } else {
        nextMs = Math.min(nextMs, each.deadlineMs);
      }
    }
    for (const each of expired) {
      this.#watched.delete(each);
      each.onDeadline();
    }
    // An entry added by a callback may have armed the timer already.
    if (nextMs < this.#ringsAtMs) {
      this.#arm(nextMs);
    }
  }
}
