export interface MethodPaceOptions {
  /** How far the latency may rise above that of an unloaded method before new calls are refused, in milliseconds. */
  readonly queueTimeMaxMs: number;
}

/**
 * An adaptive concurrency limit for one method, from its latency.
 *
 * It works like CoDel (RFC 8289): it takes the minimum latency of an interval. If even the minimum exceeds the unloaded latency by more than
 * `queueTimeMaxMs`, there is a standing queue behind the method, in its database or in a service that it calls. Then the limit falls to the
 * number of calls that can finish within the allowed latency (Little's law). It rises again once responses are faster.
 */
export class MethodPace {
  /** The number of calls of the method that have a place. */
  open = 0;
  /** The maximum of {@link open}. */
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

  /** Records a response. `tookMs`: the time since the call took its place. */
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

  /** Whether a call can meet its deadline: `leftMs` must be at least half of the fastest recent latency. */
  canAnswerWithin(leftMs: number, nowMs: number): boolean {
    const neededMs = this.#quiet.value / 2;
    if (leftMs <= 0 || leftMs >= neededMs || neededMs === Number.POSITIVE_INFINITY) {
      return leftMs > 0;
    }
    // Without responses the estimate decays, so that a slow period does not refuse calls for ever.
    return leftMs >= neededMs * 0.5 ** ((nowMs - this.#lastMs) / fadeMs);
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

/** The minimum of the values of the last two to four minutes. */
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
/** RFC 8289, section 4.3: about one round-trip time. */
const intervalMs = 100;
const intervalCallsMin = 8;
const fadeMs = 1_000;
/** Enough concurrent calls to keep every part of the platform busy. */
const limitMin = 64;
const limitStep = 8;
const limitGrowth = 0.1;
const limitForgotten = 100_000;
