import type { Clock } from "./clock.ts";
import { type Linked, LinkedList } from "./linked-list.ts";

/** A call with a deadline. It can be in one {@link Deadlines} at a time. */
export interface Expiring extends Linked<Expiring> {
  /** Its deadline, by the clock's monotonic time, in milliseconds. Infinity for none. */
  readonly endMs: number;
  /** Whether the deadline no longer matters: the call has ended or was aborted. */
  readonly settled: boolean;
  /** Called once, when the deadline has passed. Leaves the call {@link settled}. */
  expire(): void;
}

/**
 * Calls in flight, each ended at its deadline. One timer, set for the earliest deadline, serves all of them: nearly every call ends long
 * before its own, and a timer for each would cost more than the rest of its bookkeeping. When the timer fires, all entries are checked.
 */
export class Deadlines<T extends Expiring> implements Iterable<T> {
  readonly #clock: Clock;
  readonly #entries = new LinkedList<Expiring>();
  #firesAtMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of calls in flight. */
  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#entries[Symbol.iterator]() as Iterator<T>;
  }

  add(entry: T): void {
    this.#entries.add(entry);
    this.reschedule(entry);
  }

  /** Call this when an entry's deadline becomes earlier. */
  reschedule({ endMs }: T): void {
    if (endMs < this.#firesAtMs) {
      this.#fireAt(endMs);
    }
  }

  /** An entry stays until it is deleted, whether or not it has expired. */
  delete(entry: T): void {
    this.#entries.delete(entry);
  }

  #fireAt(atMs: number): void {
    this.#cancel?.();
    this.#firesAtMs = atMs;
    // Timers truncate to whole milliseconds: rounding up keeps them from firing before the deadline.
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
      if (entry.endMs <= nowMs) {
        expired.push(entry);
      } else {
        nextMs = Math.min(nextMs, entry.endMs);
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
