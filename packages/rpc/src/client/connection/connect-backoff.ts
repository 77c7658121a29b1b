/** How long to wait between two attempts to connect. */
export interface BackoffOptions {
  /** The first wait, in milliseconds. Default 100. */
  readonly initialMs?: number;
  /** The longest wait, before jitter, in milliseconds. Default 1,000: services that restart should be found again at once. */
  readonly maxMs?: number;
}

/** gRPC connection backoff protocol: "MULTIPLIER = 1.6", "JITTER = 0.2". */
const multiplier = 1.6;
const jitter = 0.2;
/** gRPC connection backoff protocol: "MAX_BACKOFF = 120 seconds". No option may go beyond it. */
const backoffCapMs = 120_000;

/** The wait before attempt `failures + 1`, in milliseconds, with jitter. */
export function backoffMs(
  failures: number,
  random: () => number,
  { initialMs = 100, maxMs = 1000 }: BackoffOptions = {},
): number {
  const base = Math.min(initialMs * multiplier ** (failures - 1), Math.min(maxMs, backoffCapMs));
  return base * (1 - jitter + 2 * jitter * random());
}
