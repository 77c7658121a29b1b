/** How waits between tries grow. */
export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** The wait before the next try after `failures` failures, at least one: doubled each time, ± 20 % so that many do not try at once. */
export function backoffMs(failures: number, { initialMs, maxMs }: Backoff, random: () => number): number {
  // Beyond 2^30 the doubled wait is past any limit, and would only overflow.
  const waitMs = Math.min(initialMs * 2 ** Math.min(failures - 1, 30), maxMs);
  return waitMs * (0.8 + 0.4 * random());
}
