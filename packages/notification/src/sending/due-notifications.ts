import type { Clock } from "@parley/rpc";
import type { Database } from "@parley/store";
import type { Notification } from "../notification.ts";
import { makeDueSooner, nextDueTimeMs, readDueNotifications } from "../notification-store.ts";
import { Claims } from "./claims.ts";

/** The most notifications taken at a time: the most that a crash sends again. */
const takenMax = 100;
/** The most new notifications kept in memory. Others are read when these are sent. */
const handedMax = 1_000;
/** Reads the database at this interval in any case: another replica may have left some. */
const readIntervalMs = 60_000;
/** Wall clock and monotonic clock drift apart by less than this between two checks. A larger step back means that the clock was set. */
const clockStepMsMin = 1_000;

/** The shortest interval between two searches for due notifications of a replica. */
const claimIntervalMsMin = 100;

export interface DueNotificationsOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Default: a new instance. */
  readonly claims?: Claims;
}

/** The notifications to send now: new ones in memory, or those read from the database. */
export class DueNotifications {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #claims: Claims;
  #handed: Notification[] = [];
  /** The ids read last. They may be handed over in memory as well, a little later. */
  #read: ReadonlySet<string> = new Set();
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** Wall clock minus monotonic clock, at the last check. */
  #clockOffsetMs: number;

  constructor({ database, clock, claims = new Claims({ database, clock }) }: DueNotificationsOptions) {
    this.#claims = claims;
    this.#database = database;
    this.#clock = clock;
    this.#clockOffsetMs = clock.now() - clock.monotonic();
  }

  /** How many more can be handed over and kept in memory. */
  get room(): number {
    return handedMax - this.#handed.length;
  }

  /** Adds new notifications that are due at once. */
  handOver(notifications: readonly Notification[]): void {
    const unknown = notifications.filter(({ id }) => !this.#read.has(id));
    const room = handedMax - this.#handed.length;
    this.#handed.push(...unknown.slice(0, room));
    if (unknown.length > room) {
      // These claims are not renewed: any replica may send the notifications after they expire.
      for (const { id } of unknown.slice(room)) {
        this.#claims.forget(id);
      }
      this.readAfter(0);
    }
  }

  /** A notification in the database becomes due this much later. */
  readAfter(delayMs: number): void {
    this.#readAtMs = Math.min(this.#readAtMs, this.#clock.monotonic() + delayMs);
  }

  /** Some due notifications, without those that the caller still holds. Empty if none is due. */
  async take(isHeld: (id: string) => boolean = () => false): Promise<readonly Notification[]> {
    // The database comes first, so that retries do not wait until there are no new ones.
    const read =
      this.#clock.monotonic() < this.#readAtMs ? [] : (await this.#readDue()).filter(({ id }) => !isHeld(id));
    if (read.length > 0) {
      return read;
    }
    return this.#handed.splice(0, takenMax).filter(({ id }) => !isHeld(id));
  }

  /** The time until the next notification is due, as far as known. */
  waitMs(): number {
    return this.#handed.length > 0 ? 0 : Math.max(0, this.#readAtMs - this.#clock.monotonic());
  }

  async #readDue(): Promise<readonly Notification[]> {
    this.#readAtMs = this.#clock.monotonic() + readIntervalMs;
    return this.#claims.isNeeded ? await this.#claimDue() : await this.#readOwnDue();
  }

  /** Other replicas read the same notifications, so only claimed ones are returned. */
  async #claimDue(): Promise<readonly Notification[]> {
    const { notifications: due, nowMs } = await this.#claims.claimDue(takenMax);
    this.#read = new Set(due.map(({ id }) => id));
    // A notification that is due now and was not claimed belongs to another replica, or is claimed next.
    const nextMs = await nextDueTimeMs(this.#database, { afterMs: 0 });
    const waitMs = nextMs === undefined ? readIntervalMs : nextMs - nowMs;
    this.readAfter(due.length === takenMax ? 0 : Math.max(waitMs, claimIntervalMsMin));
    return this.#withoutHanded(due);
  }

  async #readOwnDue(): Promise<readonly Notification[]> {
    await this.#moveDueTimes();
    const nowMs = this.#clock.now();
    const due = await readDueNotifications(this.#database, { nowMs, limit: takenMax });
    this.#read = new Set(due.map(({ id }) => id));
    if (due.length === takenMax) {
      this.readAfter(0);
    } else {
      const nextMs = await nextDueTimeMs(this.#database, { afterMs: nowMs });
      this.readAfter(nextMs === undefined ? readIntervalMs : nextMs - nowMs);
    }
    return this.#withoutHanded(due);
  }

  /** Without the notifications that were handed over while the database was read. */
  #withoutHanded(due: readonly Notification[]): readonly Notification[] {
    const handed = new Set(this.#handed.map(({ id }) => id));
    return due.filter(({ id }) => !handed.has(id));
  }

  /** Waits use the monotonic clock: if the wall clock was set back, stored due times are moved back by the same time. */
  async #moveDueTimes(): Promise<void> {
    const offsetMs = this.#clock.now() - this.#clock.monotonic();
    const byMs = Math.round(this.#clockOffsetMs - offsetMs);
    if (byMs >= clockStepMsMin) {
      const afterMs = this.#clock.now();
      await this.#database.transaction((transaction) => makeDueSooner(transaction, { afterMs, byMs }));
    }
    this.#clockOffsetMs = offsetMs;
  }
}
