import type { Clock } from "../../environment/clock.ts";
import { streamAgeReached } from "./limit-errors.ts";
import { LinkedList } from "./linked-list.ts";
import type { ServerCall } from "./server-call.ts";

/**
 * The calls under way, each cut off at its deadline, and streams at their maximum age. One timer, set for the earliest of the deadlines, serves all of them: nearly
 * every call ends long before its own, and a timer for each would cost more than the rest of its bookkeeping.
 */
export class OpenCalls implements Iterable<ServerCall> {
  readonly #clock: Clock;
  readonly #calls = new LinkedList<ServerCall>();
  #ringsAtMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#calls.size;
  }

  [Symbol.iterator](): Iterator<ServerCall> {
    return this.#calls[Symbol.iterator]();
  }

  add(call: ServerCall): void {
    this.#calls.add(call);
    this.reschedule(call);
  }

  /** To be told when a call is to end earlier than it was when it was added. */
  reschedule(call: ServerCall): void {
    const endMs = endOf(call);
    if (endMs < this.#ringsAtMs) {
      this.#ringAt(endMs);
    }
  }

  delete(call: ServerCall): void {
    this.#calls.delete(call);
  }

  #ringAt(atMs: number): void {
    this.#cancel?.();
    this.#ringsAtMs = atMs;
    // Timers count whole milliseconds and drop the rest: rounding up keeps them from ringing before the deadline.
    const delayMs = Math.min(timerMaxMs, Math.max(0, Math.ceil(atMs - this.#clock.monotonic())));
    this.#cancel = this.#clock.after(delayMs, () => this.#ring());
  }

  #ring(): void {
    const nowMs = this.#clock.monotonic();
    this.#cancel = undefined;
    this.#ringsAtMs = Number.POSITIVE_INFINITY;
    const expired: ServerCall[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const call of this.#calls) {
      if (call.aborted !== undefined) {
        continue;
      }
      const endMs = endOf(call);
      if (endMs <= nowMs) {
        expired.push(call);
      } else if (endMs < nextMs) {
        nextMs = endMs;
      }
    }
    for (const call of expired) {
      if (call.deadlineMs <= nowMs) {
        call.expire();
      } else {
        call.abort(streamAgeReached());
      }
    }
    // A call that came in meanwhile may have set the timer already.
    if (nextMs < this.#ringsAtMs) {
      this.#ringAt(nextMs);
    }
  }
}

function endOf(call: ServerCall): number {
  return Math.min(call.deadlineMs, call.ageEndMs);
}

/** A timer with a longer delay rings at once. */
const timerMaxMs = 2 ** 31 - 1;
