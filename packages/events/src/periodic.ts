import type { Clock } from "@parley/rpc";

export interface PeriodicOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Called when a round failed. The next one runs all the same. */
  onError(error: unknown): void;
}

/** Runs `work` repeatedly, with `intervalMs` between the end of a round and the next. The result stops it, after the current round. */
export function startPeriodic(
  work: () => Promise<void>,
  { clock, intervalMs, onError }: PeriodicOptions,
): () => Promise<void> {
  let stopped = false;
  let round = Promise.resolve();
  let cancel = clock.after(intervalMs, next);

  function next() {
    round = work()
      .catch(onError)
      .then(() => {
        if (!stopped) {
          cancel = clock.after(intervalMs, next);
        }
      });
  }

  return async () => {
    stopped = true;
    cancel();
    await round;
  };
}
