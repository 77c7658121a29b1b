import type { Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { startPeriodic } from "../periodic.ts";

/**
 * How long the mark of a handled event is kept. Longer than a source may be stopped and still redeliver events that it had not marked as
 * done. A mark takes far less space than its effect.
 */
export const inboxRetentionMs = 400 * 24 * 60 * 60 * 1000;
/** The interval of pruning. It only saves space. */
const pruneIntervalMs = 60_000;
/** Rows examined and deleted in one transaction: few enough that other transactions do not wait noticeably. */
const pruneBatchSize = 500;
/** Batches examined in one round; the next round continues there. Of a hundred million rows each is examined once a week. */
const roundBatchesMax = 20;

export interface PruneInboxOptions {
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "log">;
  readonly retentionMs: number;
}

/** Deletes marks older than the retention, every minute. The result stops it. */
export function startPruningInbox({ database, environment, retentionMs }: PruneInboxOptions): () => Promise<void> {
  const { clock, log } = environment;
  const prune = createInboxPruning(database);
  return startPeriodic(() => prune({ nowMs: clock.now(), retentionMs }, roundBatchesMax), {
    clock,
    intervalMs: pruneIntervalMs,
    onError: (error) => log.warn({ err: error }, "pruning the inbox failed"),
  });
}

/** The current time and the retention, both in milliseconds. */
export interface PruneTimes {
  readonly nowMs: number;
  readonly retentionMs: number;
}

/** Deletes marks older than the retention, a batch at a time. */
export async function pruneInbox(database: Database, times: PruneTimes): Promise<void> {
  await createInboxPruning(database)(times, Number.POSITIVE_INFINITY);
}

/** Examines the given number of batches, from where the last round stopped, and stops at the end of the tables. */
function createInboxPruning(database: Database) {
  let after: Place | undefined;
  let left: readonly PrunedTable[] = tables;
  return async function prune(times: PruneTimes, batchesMax: number): Promise<void> {
    for (let batches = 0; batches < batchesMax; batches++) {
      const [table] = left;
      if (table === undefined) {
        left = tables;
        return;
      }
      after = await pruneBatch(database, { table, after: after ?? firstPlace, ...times });
      if (after === undefined) {
        left = left.slice(1);
      }
    }
  };
}

interface PrunedTable {
  readonly name: string;
  readonly time: string;
}

const tables: readonly PrunedTable[] = [
  { name: "inbox_events", time: "receive_time" },
  { name: "inbox_failures", time: "fail_time" },
];

/** A row's primary key. */
interface Place {
  readonly source: string;
  readonly event_id: string;
}

const firstPlace: Place = { source: "", event_id: "" };

/** The row to continue after, or undefined at the end. */
async function pruneBatch(
  database: Database,
  { table, after, nowMs, retentionMs }: { readonly table: PrunedTable; readonly after: Place } & PruneTimes,
): Promise<Place | undefined> {
  const { name, time } = table;
  const beforeMs = nowMs - retentionMs;
  const rows = await database.all<Place & { readonly time: number }>(
    `SELECT source, event_id, ${time} AS time FROM ${name} WHERE (source, event_id) > (?, ?) ORDER BY source, event_id LIMIT ${pruneBatchSize}`,
    after.source,
    after.event_id,
  );
  const last = rows.at(-1);
  if (last === undefined) {
    return undefined;
  }
  const range = [after.source, after.event_id, last.source, last.event_id];
  const inRange = "(source, event_id) > (?, ?) AND (source, event_id) <= (?, ?)";
  if (rows.some((row) => row.time < beforeMs || row.time > nowMs)) {
    await database.transaction(async (transaction) => {
      await transaction.run(`DELETE FROM ${name} WHERE ${inRange} AND ${time} < ?`, ...range, beforeMs);
      // The clock was set back since. A row from the future would be kept until that time.
      await transaction.run(`UPDATE ${name} SET ${time} = ? WHERE ${inRange} AND ${time} > ?`, nowMs, ...range, nowMs);
    });
  }
  return rows.length < pruneBatchSize ? undefined : last;
}
