/** The growth of waits between attempts. */
export interface BackoffOptions {
  /** The first wait, in milliseconds. Default 100. */
  readonly initialMs?: number;
  /** The longest wait before jitter, in milliseconds. Default 1,000, so that a restarted service is found soon. */
  readonly maxMs?: number;
  /** Each wait is this many times the one before. Default 1.6 (gRPC connection backoff protocol, "MULTIPLIER"). */
  readonly multiplier?: number;
}

/** gRPC connection backoff protocol: "JITTER = 0.2", as in gRPC's retries (proposal A6). */
const jitter = 0.2;

/**
 * The wait after the `failures`-th consecutive failure (at least 1), in milliseconds: exponential up to a maximum, with a jitter of ± 20 %, so
 * that callers do not retry in step. Used for connecting, retries and event delivery.
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

/** A higher exponent only overflows: the wait is at its maximum by then. */
const exponentMax = 100;
