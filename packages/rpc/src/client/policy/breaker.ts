import type { Logger } from "pino";
import type { MetricValue } from "../../telemetry/metric-family.ts";

/** The thresholds of a breaker. */
export interface BreakerOptions {
  /** Opens after this many transport failures with no success between them. Default 5. */
  readonly consecutiveFailures?: number;
  /** Opens when at least this share of the calls of the last 10 seconds failed. Default 0.5. */
  readonly failureRatio?: number;
  /** The fewest calls in the last 10 seconds for that share. Default 20. */
  readonly callsMin?: number;
  /** How long it stays open before it lets one call probe the target, in milliseconds. Default 1,000. */
  readonly openMs?: number;
}

type State = "closed" | "open" | "half-open";

const stateValues: Readonly<Record<State, number>> = { closed: 0, "half-open": 1, open: 2 };

/**
 * The longest interval of log lines: a breaker that opens is logged at most once in this time, with the number of openings since: a target that is
 * down opens its breaker every second. The metric `parley_client_breaker_state` has every change.
 */
const logIntervalMs = 60_000;

/** The share of failures is counted in this many slices of this length. The oldest is dropped when a new one begins. */
const sliceCount = 10;
const sliceMs = 1000;

/**
 * A circuit breaker for one target (docs/decisions/circuit-breaker.md). While it is closed, calls pass and failures are counted; while
 * it is open none pass; then it is half-open, and one passes: if it succeeds the breaker closes, if not it opens again.
 */
export class Breaker {
  readonly #name: string;
  readonly #log: Logger;
  readonly #gauge: MetricValue;
  readonly #options: Required<BreakerOptions>;
  readonly #calls = new Array<number>(sliceCount).fill(0);
  readonly #failures = new Array<number>(sliceCount).fill(0);
  #slice = 0;
  #state: State = "closed";
  #consecutive = 0;
  #opensUntilMs = 0;
  #probing = false;
  #probeEndsMs = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  /** Whether the last log line reported it as open. */
  #loggedOpen = false;
  #unloggedOpenings = 0;

  constructor(
    name: string,
    {
      log,
      gauge,
      options = {},
    }: { readonly log: Logger; readonly gauge: MetricValue; readonly options?: BreakerOptions },
  ) {
    this.#name = name;
    this.#log = log;
    this.#gauge = gauge;
    this.#options = {
      consecutiveFailures: options.consecutiveFailures ?? 5,
      failureRatio: options.failureRatio ?? 0.5,
      callsMin: options.callsMin ?? 20,
      openMs: options.openMs ?? 1000,
    };
  }

  get state(): State {
    return this.#state;
  }

  /** Whether a call may pass now. A call that passes reports its outcome once: {@link succeeded}, {@link failed} or {@link endedWithoutOutcome}. */
  enter(nowMs: number): boolean {
    if (this.#state === "closed") {
      return true;
    }
    if (this.#state === "open" && nowMs >= this.#opensUntilMs) {
      this.#become("half-open", nowMs);
    }
    // A probe that never ends, a stream for example, must not block all others.
    if (this.#state === "open" || (this.#probing && nowMs < this.#probeEndsMs)) {
      return false;
    }
    this.#probing = true;
    this.#probeEndsMs = nowMs + this.#options.openMs;
    return true;
  }

  /** When the last failure was counted, on the clock's monotonic scale. */
  get failedAtMs(): number {
    return this.#failedAtMs;
  }

  /** The time until the next probe, in milliseconds. */
  retryAfterMs(nowMs: number): number {
    return Math.max(0, this.#opensUntilMs - nowMs);
  }

  /** The target answered, with any code. */
  succeeded(nowMs: number): void {
    this.#probing = false;
    this.#consecutive = 0;
    this.#count(nowMs, 0);
    if (this.#state === "half-open") {
      this.#calls.fill(0);
      this.#failures.fill(0);
      this.#become("closed", nowMs);
    }
  }

  /** The target was unreachable, or did not answer in time. */
  failed(nowMs: number, reason: string): void {
    this.#probing = false;
    this.#failedAtMs = nowMs;
    this.#consecutive++;
    this.#count(nowMs, 1);
    if (this.#state === "half-open" || (this.#state === "closed" && this.#isBad())) {
      this.#opensUntilMs = nowMs + this.#options.openMs;
      this.#become("open", nowMs, reason);
    }
  }

  /** The call's outcome says nothing about the target, for example because its caller cancelled. */
  endedWithoutOutcome(): void {
    this.#probing = false;
  }

  #isBad(): boolean {
    if (this.#consecutive >= this.#options.consecutiveFailures) {
      return true;
    }
    const calls = sum(this.#calls);
    return calls >= this.#options.callsMin && sum(this.#failures) / calls >= this.#options.failureRatio;
  }

  #count(nowMs: number, failures: number): void {
    const slice = Math.floor(nowMs / sliceMs);
    if (slice !== this.#slice) {
      for (let passed = Math.max(this.#slice + 1, slice - sliceCount + 1); passed <= slice; passed++) {
        this.#calls[passed % sliceCount] = 0;
        this.#failures[passed % sliceCount] = 0;
      }
      this.#slice = slice;
    }
    const index = slice % sliceCount;
    this.#calls[index] = (this.#calls[index] ?? 0) + 1;
    this.#failures[index] = (this.#failures[index] ?? 0) + failures;
  }

  #become(state: State, ...[nowMs, reason]: [nowMs: number, reason?: string]): void {
    if (state === this.#state) {
      return;
    }
    this.#state = state;
    this.#gauge.value = stateValues[state];
    if (state === "open") {
      this.#logOpen(nowMs, reason);
    } else if (state === "closed" && this.#loggedOpen) {
      this.#loggedOpen = false;
      this.#log.info({ target: this.#name, breaker: state }, "circuit breaker closed");
    }
  }

  #logOpen(nowMs: number, reason: string | undefined): void {
    if (nowMs - this.#loggedAtMs < logIntervalMs) {
      this.#unloggedOpenings++;
      return;
    }
    const openings = this.#unloggedOpenings + 1;
    this.#log.warn({ target: this.#name, breaker: "open", reason, openings }, "circuit breaker opened");
    this.#loggedAtMs = nowMs;
    this.#loggedOpen = true;
    this.#unloggedOpenings = 0;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
