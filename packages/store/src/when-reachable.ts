import type { Database } from "./database.ts";
import type { StartLog } from "./postgres/connect-at-start.ts";
import { type StoreProblem, StoreUnavailableError } from "./store-errors.ts";

/** Between two attempts: the database itself tries more often, and refuses calls until it is reachable. */
const retryMs = 500;
/** Problems of a server that ends by themselves, such as a failover. */
const passing: readonly StoreProblem[] = ["unreachable", "read-only", "timed-out", "overloaded", "unknown-outcome"];

export interface WhenReachableOptions {
  readonly clock: { after(delayMs: number, callback: () => void): () => void };
  /** Logs the waits. */
  readonly log?: StartLog | undefined;
}

/**
 * Runs a service's first work on its database. If the server goes away meanwhile, tries again until it is back, as for the first connection:
 * a failover at that moment must not end the service. `work` may run more than once. A database of one process fails at once.
 */
export async function whenReachable<T>(
  database: Database,
  work: () => Promise<T>,
  { clock, log }: WhenReachableOptions,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isPassing = error instanceof StoreUnavailableError && passing.includes(error.problem);
      if (!isPassing || database.isShared !== true) {
        throw error;
      }
      log?.warn({ waitMs: retryMs, error: error.message }, "waiting for the database before the service starts");
      await new Promise<void>((resolve) => clock.after(retryMs, resolve));
    }
  }
}
