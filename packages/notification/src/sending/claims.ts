import type { Clock } from "@parley/rpc";
import { type Database, databaseTime, inParts, marksFor, type Transaction } from "@parley/store";
import { type Notification, retryDelayMsMax } from "../notification.ts";
import { type NotificationRow, notificationOfRow } from "../notification-store.ts";

/** How long a claim lasts: no other replica sends the notification for this time, so its mail waits as long if the replica dies. */
export const claimMs = 60_000;
/** The interval of renewals: each claim is renewed at least once before it expires. */
export const renewIntervalMs = claimMs / 3;

/** The result of {@link Claims.claimDue}. */
export interface ClaimedNotifications {
  readonly notifications: readonly Notification[];
  /** The database's time. */
  readonly nowMs: number;
}

/**
 * The notifications that this replica may send. If replicas share the database, a replica claims a due notification before it sends it: it sets the
 * next attempt to {@link claimMs} from now, so that other replicas do not send it, and renews that until the notification is settled.
 */
export class Claims {
  readonly #database: Database;
  readonly #clock: Clock;
  /** The expiry of each claim: by the database's clock, as stored in its row, and by this process's monotonic clock. */
  readonly #held = new Map<string, { readonly untilMs: number; readonly monotonicMs: number }>();

  constructor({ database, clock }: { readonly database: Database; readonly clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Whether claims are needed: only if other processes use the database too. */
  get isNeeded(): boolean {
    return this.#database.isShared === true;
  }

  /** The expiry of a claim on a notification that this transaction inserts. */
  async forNew(transaction: Transaction): Promise<{ readonly untilMs: number; readonly nowMs: number }> {
    const nowMs = await databaseTime(transaction, this.#clock);
    return { untilMs: nowMs + claimMs, nowMs };
  }

  /** Records claims that are stored. */
  note(ids: readonly string[], untilMs: number): void {
    const monotonicMs = this.#clock.monotonic() + claimMs;
    for (const id of ids) {
      this.#held.set(id, { untilMs, monotonicMs });
    }
  }

  /** Claims due notifications, longest overdue first. */
  async claimDue(limit: number): Promise<ClaimedNotifications> {
    const { rows, nowMs } = await this.#database.transaction(async (transaction) => {
      const nowMs = await databaseTime(transaction, this.#clock);
      const [dueMs, misdatedMs] = [nowMs, nowMs + retryDelayMsMax];
      const claimed = await transaction.all<NotificationRow>(
        // The condition is checked twice: another replica may claim a row between the subquery and the update.
        `UPDATE notification SET next_attempt_time = ?
         WHERE sequence IN (SELECT sequence FROM notification WHERE ${isDue} ORDER BY next_attempt_time LIMIT ?) AND ${isDue}
         RETURNING *`,
        nowMs + claimMs,
        dueMs,
        misdatedMs,
        limit,
        dueMs,
        misdatedMs,
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

  /** Whether the claim is still valid: after a pause of this process another replica may have claimed the notification. */
  isValid(id: string): boolean {
    return !this.isNeeded || this.#clock.monotonic() < (this.#held.get(id)?.monotonicMs ?? 0);
  }

  /** Drops a claim: its notification is settled, or left to other replicas. */
  forget(id: string): void {
    this.#held.delete(id);
  }

  /** Renews the claims that are held. Drops those that another replica took over. */
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

  /** Releases the claims that are held, so that another replica can send the notifications at once. */
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

// A due time beyond the longest wait was written before a clock was set back.
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
