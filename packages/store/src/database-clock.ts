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
 * The common time of all processes that share a database, without a question to the database each time: the process's monotonic clock, with an
 * offset that {@link sync} measures. So it does not matter how wrong the wall clocks of replicas are, or when they are set. For a database that only
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

  /** Measures the offset. Call it at the start and every few seconds. Throws what the database throws; the offset then stays. */
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
