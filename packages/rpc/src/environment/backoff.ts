/** How waits between attempts grow. */
export interface BackoffOptions {
  /** The first wait, in milliseconds. Default 100. */
  readonly initialMs?: number;
  /** The longest wait before jitter, in milliseconds. Default 1,000, so that a service that restarts is found again soon. */
  readonly maxMs?: number;
  /** Each wait is this many times the one before. Default 1.6 (gRPC connection backoff protocol, "MULTIPLIER"). */
  readonly multiplier?: number;
}

/** gRPC connection backoff protocol: "JITTER = 0.2". gRPC's retries (proposal A6) have the same. */
const jitter = 0.2;

/**
 * The wait after the `failures`-th failure in a row (at least 1), in milliseconds: exponential up to a maximum, with a jitter of ± 20 %, so
 * that many callers do not try again at the same moment. Connecting, retries and event delivery all wait this way.
 */
export function backoffMs(
  failures: number,
  random: () => number,
  { initialMs = 100, maxMs = 1000, multiplier = 1.6 }: BackoffOptions = {},
): number {
  return (
    Math.min(initialMs * multiplier ** Math.min(failures - 1, exponentMax), maxMs) *
    (1 - jitter + 2 * jitter * random())
  );
}

/** A higher exponent only overflows: the wait is past any maximum by then. */
const exponentMax = 100;
