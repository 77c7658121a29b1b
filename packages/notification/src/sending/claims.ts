import type { Clock } from "@parley/rpc";
import { type Database, databaseTime, inParts, marksFor, type Transaction } from "@parley/store";
import { type Notification, retryDelayMsMax } from "../notification.ts";
import { type NotificationRow, notificationOfRow } from "../notification-store.ts";

/** How long a notification is left to the replica that claimed it: how long its mail waits when that replica dies. */
export const claimMs = 60_000;
/** Claims are renewed in good time before they run out. */
export const renewIntervalMs = claimMs / 3;

/** What {@link Claims.claimDue} claimed. */
export interface ClaimedNotifications {
  readonly notifications: readonly Notification[];
  /** The database's time. */
  readonly nowMs: number;
}

/**
 * The notifications that this replica is to hand to the channel. Where replicas share the database, one that is due is claimed first: its next
 * attempt is put off by {@link claimMs}, which keeps the other replicas off, and put off again for as long as it is held.
 */
export class Claims {
  readonly #database: Database;
  readonly #clock: Clock;
  /** Until when each is claimed: by the database's clock, as its row has it, and by this process's monotonic one. */
  readonly #held = new Map<string, { readonly untilMs: number; readonly monotonicMs: number }>();

  constructor({ database, clock }: { readonly database: Database; readonly clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Whether claims are needed: a process that has the database to itself sends everything itself. */
  get isNeeded(): boolean {
    return this.#database.isShared === true;
  }

  /** Until when one is claimed that is written in this transaction and handed over to this process. */
  async forNew(transaction: Transaction): Promise<{ readonly untilMs: number; readonly nowMs: number }> {
    const nowMs = await databaseTime(transaction, this.#clock);
    return { untilMs: nowMs + claimMs, nowMs };
  }

  /** Notes claims that were written. */
  note(ids: readonly string[], untilMs: number): void {
    const monotonicMs = this.#clock.monotonic() + claimMs;
    for (const id of ids) {
      this.#held.set(id, { untilMs, monotonicMs });
    }
  }

  /** Claims notifications that are due, longest due first. */
  async claimDue(limit: number): Promise<ClaimedNotifications> {
    const { rows, nowMs } = await this.#database.transaction(async (transaction) => {
      const nowMs = await databaseTime(transaction, this.#clock);
      const [dueMs, misplacedMs] = [nowMs, nowMs + retryDelayMsMax];
      const claimed = await transaction.all<NotificationRow>(
        // Looked at twice: another replica may have claimed one between the two.
        `UPDATE notification SET next_attempt_time = ?
         WHERE sequence IN (SELECT sequence FROM notification WHERE ${isDue} ORDER BY next_attempt_time LIMIT ?) AND ${isDue}
         RETURNING *`,
        nowMs + claimMs,
        dueMs,
        misplacedMs,
        limit,
        dueMs,
        misplacedMs,
      );
      return { rows: claimed, nowMs };
    });
    const notifications = rows
      .sort((a, b) => a.sequence - b.sequence)
      .map((row) => notificationOfRow(row).notification);
    this.note(
      notifications.map(({ id }) => id),
      nowMs + claimMs,
    );
    return { notifications, nowMs };
  }

  /** Whether one may be handed to the channel now: after a pause of this process another replica may have taken it over. */
  stands(id: string): boolean {
    return !this.isNeeded || this.#clock.monotonic() < (this.#held.get(id)?.monotonicMs ?? 0);
  }

  /** One is settled, or given up. */
  forget(id: string): void {
    this.#held.delete(id);
  }

  /** Renews what is still held. What another replica took over is forgotten. */
  async renew(): Promise<void> {
    const monotonicMs = this.#clock.monotonic() + claimMs;
    for (const [untilMs, ids] of this.#byEnd()) {
      const { renewed, newUntilMs } = await this.#database.transaction(async (transaction) => {
        const next = (await databaseTime(transaction, this.#clock)) + claimMs;
        return { renewed: await moveClaims(transaction, ids, { from: untilMs, to: next }), newUntilMs: next };
      });
      const still = new Set(renewed);
      for (const id of ids) {
        if (still.has(id)) {
          this.#held.set(id, { untilMs: newUntilMs, monotonicMs });
        } else {
          this.#held.delete(id);
        }
      }
    }
  }

  /** Gives back what is held, so that another replica can take it at once. */
  async release(): Promise<void> {
    for (const [untilMs, ids] of this.#byEnd()) {
      await this.#database.transaction(async (transaction) => {
        const nowMs = await databaseTime(transaction, this.#clock);
        await moveClaims(transaction, ids, { from: untilMs, to: nowMs });
      });
    }
    this.#held.clear();
  }

  #byEnd(): ReadonlyMap<number, readonly string[]> {
    const groups = Map.groupBy(this.#held, ([, { untilMs }]) => untilMs);
    return new Map([...groups].map(([untilMs, entries]) => [untilMs, entries.map(([id]) => id)]));
  }
}

// Due later than the longest wait means that a clock was set back since.
const isDue = "state = 1 AND (next_attempt_time <= ? OR next_attempt_time > ?)";

async function moveClaims(
  transaction: Transaction,
  ids: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly string[]> {
  const moved: string[] = [];
  for (const part of inParts(ids)) {
    const rows = await transaction.all<{ id: string }>(
      `UPDATE notification SET next_attempt_time = ? WHERE id IN (${marksFor(part)}) AND state = 1 AND next_attempt_time = ? RETURNING id`,
      to,
      ...part,
      from,
    );
    moved.push(...rows.map(({ id }) => id));
  }
  return moved;
}
