import type { Clock } from "./clock.ts";
import { type Linked, LinkedList } from "./linked-list.ts";

/** A call that may be cut off at a deadline. It can be in one {@link Deadlines} at a time. */
export interface Expiring extends Linked<Expiring> {
  /** By the clock's monotonic time, in milliseconds. Infinity for none. */
  readonly deadlineMs: number;
  /** Whether the deadline no longer matters: the call has ended or was aborted. */
  readonly settled: boolean;
  /** Called once, when the deadline has passed. Leaves the call {@link settled}. */
  expire(): void;
}

/**
 * Calls in flight, each cut off at its deadline. One timer, set for the earliest deadline, serves all of them: nearly every call ends long
 * before its own, and a timer for each would cost more than the rest of its bookkeeping. When the timer fires, all entries are examined.
 */
export class Deadlines<T extends Expiring> implements Iterable<T> {
  readonly #clock: Clock;
  readonly #entries = new LinkedList<Expiring>();
  #firesAtMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many calls are in flight. */
  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#entries[Symbol.iterator]() as Iterator<T>;
  }

  add(entry: T): void {
    this.#entries.add(entry);
    if (entry.deadlineMs < this.#firesAtMs) {
      this.#fireAt(entry.deadlineMs);
    }
  }

  /** An entry stays until it is deleted, whether or not it has expired. */
  delete(entry: T): void {
    this.#entries.delete(entry);
  }

  #fireAt(atMs: number): void {
    this.#cancel?.();
    this.#firesAtMs = atMs;
    // Timers count whole milliseconds and drop the rest: rounding up keeps them from firing before the deadline.
    this.#cancel = this.#clock.after(Math.ceil(atMs - this.#clock.monotonic()), () => this.#fire());
  }

  #fire(): void {
    const nowMs = this.#clock.monotonic();
    this.#cancel = undefined;
    this.#firesAtMs = Number.POSITIVE_INFINITY;
    const expired: Expiring[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries) {
      if (entry.settled) {
        continue;
      }
      if (entry.deadlineMs <= nowMs) {
        expired.push(entry);
      } else {
        nextMs = Math.min(nextMs, entry.deadlineMs);
      }
    }
    for (const entry of expired) {
      entry.expire();
    }
    // A call that was added meanwhile may have set the timer already.
    if (nextMs < this.#firesAtMs) {
      this.#fireAt(nextMs);
    }
  }
}
