import type { Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { startPeriodic } from "../periodic.ts";

/**
 * How long an event that was dealt with is remembered. Longer than a source may be stopped and still redeliver what it had not marked as
 * done. A mark takes far less room than the effect that it stands for.
 */
export const inboxRetentionMs = 400 * 24 * 60 * 60 * 1000;
/** Only about space, so seldom. */
const pruneIntervalMs = 60_000;
/** Rows looked at, and removed, in one transaction: few enough that others do not wait noticeably for it. */
const pruneBatchSize = 500;

export interface PruneInboxOptions {
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "log">;
  readonly retentionMs: number;
}

/** Removes what is older than the retention, every minute. The answer ends it. */
export function startPruningInbox({ database, environment, retentionMs }: PruneInboxOptions): () => Promise<void> {
  const { clock, log } = environment;
  return startPeriodic(() => pruneInbox(database, { nowMs: clock.now(), retentionMs }), {
    clock,
    intervalMs: pruneIntervalMs,
    onError: (error) => log.warn({ err: error }, "pruning the inbox failed"),
  });
}

/** The time now, and how long rows are kept, both in milliseconds. */
export interface PruneTimes {
  readonly nowMs: number;
  readonly retentionMs: number;
}

/** Removes what was dealt with longer ago than the retention, a batch at a time. */
export async function pruneInbox(database: Database, times: PruneTimes): Promise<void> {
  for (const table of tables) {
    let after: number | undefined = 0;
    while (after !== undefined) {
      after = await pruneBatch(database, { table, after, ...times });
    }
  }
}

interface PrunedTable {
  readonly name: string;
  readonly time: string;
  /** Whether rows are in the order of their times, but for a clock that was set: after a young row there are no old ones. */
  readonly inOrder: boolean;
}

const tables: readonly PrunedTable[] = [
  { name: "inbox_events", time: "receive_time", inOrder: true },
  { name: "inbox_failures", time: "fail_time", inOrder: false },
];

/** The place to go on after, or undefined at the end. */
function pruneBatch(
  database: Database,
  { table, after, nowMs, retentionMs }: { readonly table: PrunedTable; readonly after: number } & PruneTimes,
): Promise<number | undefined> {
  const { name, time, inOrder } = table;
  const beforeMs = nowMs - retentionMs;
  return database.transaction(async (transaction) => {
    const rows = await transaction.all<{ place: number; time: number }>(
      `SELECT rowid AS place, ${time} AS time FROM ${name} WHERE rowid > ? ORDER BY rowid LIMIT ${pruneBatchSize}`,
      after,
    );
    const last = rows.at(-1);
    if (last === undefined) {
      return undefined;
    }
    if (rows.some((row) => row.time < beforeMs)) {
      const sql = `DELETE FROM ${name} WHERE rowid > ? AND rowid <= ? AND ${time} < ?`;
      await transaction.run(sql, after, last.place, beforeMs);
    }
    if (rows.some((row) => row.time > nowMs)) {
      // The clock was set back since. A row of the future would be kept for as long as the clock was wrong.
      const sql = `UPDATE ${name} SET ${time} = ? WHERE rowid > ? AND rowid <= ? AND ${time} > ?`;
      await transaction.run(sql, nowMs, after, last.place, nowMs);
    }
    const isYoung = last.time >= beforeMs && last.time <= nowMs;
    return rows.length < pruneBatchSize || (inOrder && isYoung) ? undefined : last.place;
  });
}
