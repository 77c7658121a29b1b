import type { Clock } from "@parley/rpc";
import type { Database } from "@parley/store";
import type { Notification } from "../notification.ts";
import { hastenNotifications, nextDueTimeMs, readDueNotifications } from "../notification-store.ts";

/** The most notifications taken at a time: the most that a crash sends again. */
const takenMax = 100;
/** The most new notifications kept in memory. Others are read when these are sent. */
const handedMax = 1_000;
/** Reads the database at this interval in any case: another replica may have left some. */
const readIntervalMs = 60_000;
/** Wall clock and monotonic clock drift apart by less than this between two checks. A larger step back means that the clock was set. */
const clockStepMsMin = 1_000;

/** The notifications to send now: new ones in memory, or those read from the database. */
export class DueNotifications {
  readonly #database: Database;
  readonly #clock: Clock;
  #handed: Notification[] = [];
  /** The last ones read: they may be passed in memory as well, a little later. */
  #read: ReadonlySet<string> = new Set();
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** Wall clock minus monotonic clock, at the last check. */
  #clockOffsetMs: number;

  constructor({ database, clock }: { readonly database: Database; readonly clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
    this.#clockOffsetMs = clock.now() - clock.monotonic();
  }

  /** Adds new notifications that are due at once. */
  handOver(notifications: readonly Notification[]): void {
    const unknown = notifications.filter(({ id }) => !this.#read.has(id));
    const room = handedMax - this.#handed.length;
    this.#handed.push(...unknown.slice(0, room));
    if (unknown.length > room) {
      this.readAfter(0);
    }
  }

  /** A notification in the database becomes due this much later. */
  readAfter(delayMs: number): void {
    this.#readAtMs = Math.min(this.#readAtMs, this.#clock.monotonic() + delayMs);
  }

  /** Some due notifications, without those that the caller still holds; none if there are none. */
  async take(isHeld: (id: string) => boolean = () => false): Promise<readonly Notification[]> {
    // The database comes first, so that retries do not wait until there are no new ones.
    const read =
      this.#clock.monotonic() < this.#readAtMs ? [] : (await this.#readDue()).filter(({ id }) => !isHeld(id));
    if (read.length > 0) {
      return read;
    }
    return this.#handed.splice(0, takenMax).filter(({ id }) => !isHeld(id));
  }

  /** The time without due notifications, as far as is known. */
  waitMs(): number {
    return this.#handed.length > 0 ? 0 : Math.max(0, this.#readAtMs - this.#clock.monotonic());
  }

  async #readDue(): Promise<readonly Notification[]> {
    this.#readAtMs = this.#clock.monotonic() + readIntervalMs;
    await this.#followClock();
    const nowMs = this.#clock.now();
    const due = await readDueNotifications(this.#database, { nowMs, limit: takenMax });
    // Those passed in memory meanwhile are among them.
    const handed = new Set(this.#handed.map(({ id }) => id));
    this.#read = new Set(due.map(({ id }) => id));
    if (due.length === takenMax) {
      this.readAfter(0);
    } else {
      const nextMs = await nextDueTimeMs(this.#database, { afterMs: nowMs });
      this.readAfter(nextMs === undefined ? readIntervalMs : nextMs - nowMs);
    }
    return due.filter(({ id }) => !handed.has(id));
  }

  /** Waits use the monotonic clock: if the wall clock was set back meanwhile, due times written by it are moved along. */
  async #followClock(): Promise<void> {
    const offsetMs = this.#clock.now() - this.#clock.monotonic();
    const byMs = Math.round(this.#clockOffsetMs - offsetMs);
    if (byMs >= clockStepMsMin) {
      const afterMs = this.#clock.now();
      await this.#database.transaction((transaction) => hastenNotifications(transaction, { afterMs, byMs }));
    }
    this.#clockOffsetMs = offsetMs;
  }
}
