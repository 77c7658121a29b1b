import type { Database } from "./database.ts";

/** A process's own clocks, in milliseconds. */
export interface ProcessClock {
  /** Since the Unix epoch. May be wrong, and may be set. */
  now(): number;
  /** Since any moment. Is never set. */
  monotonic(): number;
}

/** A measurement that took longer is not used: it may be wrong by half of that time. In milliseconds. */
const roundTripMsMax = 500;

/**
 * The common time of all processes that share a database, without a query for each reading: the process's monotonic clock, with an
 * offset that {@link sync} measures. Wrong or changed wall clocks of replicas do not affect it. For a database that only
 * one process uses, it is that process's wall clock.
 */
export class DatabaseClock {
  readonly #database: Database;
  readonly #clock: ProcessClock;
  /** The database's time minus the monotonic time. */
  #offsetMs: number | undefined;

  constructor({ database, clock }: { readonly database: Database; readonly clock: ProcessClock }) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Milliseconds since the Unix epoch, a whole number. Before the first {@link sync}: the process's wall clock. */
  now(): number {
    return this.#offsetMs === undefined ? this.#clock.now() : Math.floor(this.#clock.monotonic() + this.#offsetMs);
  }

  /** Measures the offset. Call it at the start and every few seconds. Passes on errors of the database; the offset then stays unchanged. */
  async sync(): Promise<void> {
    if (this.#database.isShared !== true) {
      return;
    }
    const measured = await this.#database.transaction(async (transaction) => {
      const beforeMs = this.#clock.monotonic();
      const timeMs = await transaction.now?.();
      const afterMs = this.#clock.monotonic();
      return timeMs === undefined ? undefined : { timeMs, beforeMs, afterMs };
    });
    if (measured === undefined) {
      return;
    }
    const { timeMs, beforeMs, afterMs } = measured;
    if (this.#offsetMs === undefined || afterMs - beforeMs <= roundTripMsMax) {
      this.#offsetMs = timeMs - (beforeMs + afterMs) / 2;
    }
  }
}
