import { type Database, insertRows, type Transaction } from "@parley/store";
import { audienceOf } from "../log/audience.ts";
import { decodeEvent, type EventRow } from "../log/log-reader.ts";

/** Rows examined and deleted in one transaction: few enough that other transactions do not wait noticeably. */
const pruneBatchSize = 500;

/**
 * Deletes done events from before `beforeMs`, a batch at a time. In the same transaction records how far the log was pruned,
 * for each type and audience, so that a watcher whose own events are gone gets an error.
 */
export async function pruneLog(database: Database, times: PruneLogTimes): Promise<void> {
  let after: number | undefined = 0;
  while (after !== undefined) {
    after = await pruneBatch(database, { after, ...times });
  }
}

/** In milliseconds since the Unix epoch. */
export interface PruneLogTimes {
  readonly beforeMs: number;
  readonly nowMs: number;
}

/** The sequence to continue after, or undefined at the end. */
function pruneBatch(
  database: Database,
  { after, beforeMs, nowMs }: { readonly after: number } & PruneLogTimes,
): Promise<number | undefined> {
  return database.transaction(async (transaction) => {
    const rows = await transaction.all<LogRow>(
      `SELECT event_log.sequence, create_time, type, event, waiting.sequence AS waiting
       FROM event_log LEFT JOIN event_waiting AS waiting ON waiting.sequence = event_log.sequence
       WHERE event_log.sequence > ? ORDER BY event_log.sequence LIMIT ${pruneBatchSize}`,
      after,
    );
    const last = rows.at(-1);
    if (last !== undefined && rows.some((row) => row.create_time > nowMs)) {
      // The clock was set back since. An event from the future would be kept until that time.
      await transaction.run(
        "UPDATE event_log SET create_time = ? WHERE sequence > ? AND sequence <= ? AND create_time > ?",
        nowMs,
        after,
        last.sequence,
        nowMs,
      );
    }
    const pruned = rows.filter((row) => row.waiting === null && row.create_time < beforeMs);
    const removed = pruned.at(-1);
    if (last === undefined || removed === undefined) {
      return nextPlace(last, rows.length, { beforeMs, nowMs });
    }
    await transaction.run(
      `DELETE FROM event_log WHERE sequence > ? AND sequence <= ? AND create_time < ?
         AND NOT EXISTS (SELECT 1 FROM event_waiting WHERE event_waiting.sequence = event_log.sequence)`,
      after,
      last.sequence,
      beforeMs,
    );
    await transaction.run(
      "UPDATE event_log_pruned SET through_sequence = ? WHERE through_sequence < ?",
      removed.sequence,
      removed.sequence,
    );
    await noteAudiences(transaction, pruned);
    return nextPlace(last, rows.length, { beforeMs, nowMs });
  });
}

interface LogRow extends EventRow {
  readonly create_time: number;
  readonly type: string;
  readonly waiting: number | null;
}

/** Records how far the log was pruned for each type and audience. */
async function noteAudiences(transaction: Transaction, pruned: readonly LogRow[]): Promise<void> {
  const through = new Map<string, readonly [type: string, audience: string, sequence: number]>();
  for (const row of pruned) {
    const audience = audienceOf(decodeEvent(row));
    through.set(JSON.stringify([row.type, audience]), [row.type, audience, row.sequence]);
  }
  await insertRows(transaction, {
    into: "INSERT INTO event_log_pruned_audience (type, audience, through_sequence)",
    rows: [...through.values()],
    // Another replica may prune the same part of the log, and be ahead.
    ending: `ON CONFLICT (type, audience) DO UPDATE SET through_sequence = excluded.through_sequence
      WHERE event_log_pruned_audience.through_sequence < excluded.through_sequence`,
  });
}

function nextPlace(
  last: { readonly sequence: number; readonly create_time: number } | undefined,
  count: number,
  { beforeMs, nowMs }: PruneLogTimes,
): number | undefined {
  if (last === undefined || count < pruneBatchSize) {
    return undefined;
  }
  // Events are in the order of their times, unless the clock was set: after a recent one there are no old ones.
  return last.create_time >= beforeMs && last.create_time <= nowMs ? undefined : last.sequence;
}
