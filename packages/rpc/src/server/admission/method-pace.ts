/** What a {@link MethodPace} is made of. */
export interface MethodPaceOptions {
  /** How much longer than in quiet times an answer may take before new calls are refused, in milliseconds. */
  readonly queueTimeMaxMs: number;
}

/**
 * How fast a method answers, and how many calls of it may be handled at once for their answers to be in time.
 *
 * As CoDel does (RFC 8289), it looks at how long calls were held, and at the shortest of an interval: where even that is longer than in quiet
 * times by more than allowed, there is a standing queue somewhere behind the method, in its database or in a service that it calls. Then
 * only so many calls are let in as fit into the time that is allowed (Little's law). The limit opens again as soon as answers are faster.
 */
export class MethodPace {
  /** Calls of the method that have a place. */
  open = 0;
  /** How many may have one. */
  limit: number = Number.POSITIVE_INFINITY;
  readonly #queueTimeMaxMs: number;
  #quiet = new SlidingMinimum();
  #shortestMs = Number.POSITIVE_INFINITY;
  #count = 0;
  #intervalEndMs = 0;
  #lastMs = 0;

  constructor({ queueTimeMaxMs }: MethodPaceOptions) {
    this.#queueTimeMaxMs = queueTimeMaxMs;
  }

  /** Counts an answer that took so long from the call's place on. */
  answered(tookMs: number, nowMs: number): void {
    this.#lastMs = nowMs;
    this.#count++;
    if (tookMs < this.#shortestMs) {
      this.#shortestMs = tookMs;
    }
    if (this.#count >= intervalCallsMin && nowMs >= this.#intervalEndMs) {
      this.#adapt(nowMs);
    }
  }

  /** Whether a call with so much time left can still be answered in time, which no latest answer of the method was in half of. */
  canAnswerWithin(leftMs: number, nowMs: number): boolean {
    const quietMs = this.#quiet.value;
    // Without answers the estimate decays, so that a slow period does not refuse calls for ever.
    return (
      leftMs > 0 &&
      (quietMs === Number.POSITIVE_INFINITY || leftMs >= (quietMs / 2) * 0.5 ** ((nowMs - this.#lastMs) / fadeMs))
    );
  }

  #adapt(nowMs: number): void {
    const shortestMs = this.#shortestMs;
    this.#quiet.add(shortestMs, nowMs);
    const allowedMs = this.#quiet.value + this.#queueTimeMaxMs;
    if (shortestMs > allowedMs) {
      this.limit = Math.max(limitMin, Math.floor((Math.min(this.limit, this.open + 1) * allowedMs) / shortestMs));
    } else if (this.limit !== Number.POSITIVE_INFINITY) {
      this.limit += Math.max(limitStep, this.limit * limitGrowth);
      if (this.limit > limitForgotten) {
        this.limit = Number.POSITIVE_INFINITY;
      }
    }
    this.#shortestMs = Number.POSITIVE_INFINITY;
    this.#count = 0;
    this.#intervalEndMs = nowMs + intervalMs;
  }
}

/** The smallest of the values of the last two to four minutes. */
class SlidingMinimum {
  #current = Number.POSITIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;
  #endMs = 0;

  get value(): number {
    return Math.min(this.#current, this.#before);
  }

  add(value: number, nowMs: number): void {
    if (nowMs >= this.#endMs) {
      this.#before = this.#current;
      this.#current = Number.POSITIVE_INFINITY;
      this.#endMs = nowMs + windowMs;
    }
    this.#current = Math.min(this.#current, value);
  }
}

const windowMs = 120_000;
/** RFC 8289, section 4.3: the time of a round trip. */
const intervalMs = 100;
const intervalCallsMin = 8;
const fadeMs = 1_000;
/** As many as keep every part of the platform busy. */
const limitMin = 64;
const limitStep = 8;
const limitGrowth = 0.1;
const limitForgotten = 100_000;
