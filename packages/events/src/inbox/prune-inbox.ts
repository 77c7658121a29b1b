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
/** Batches looked at in one round: the next round goes on from there. Of a hundred million rows each is looked at once a week. */
const roundBatchesMax = 20;

export interface PruneInboxOptions {
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "log">;
  readonly retentionMs: number;
}

/** Removes what is older than the retention, every minute. The answer ends it. */
export function startPruningInbox({ database, environment, retentionMs }: PruneInboxOptions): () => Promise<void> {
  const { clock, log } = environment;
  const prune = createInboxPruning(database);
  return startPeriodic(() => prune({ nowMs: clock.now(), retentionMs }, roundBatchesMax), {
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
  await createInboxPruning(database)(times, Number.POSITIVE_INFINITY);
}

/** Looks at as many batches as it is told, from where it stopped the last time on, and stops at the end of the tables. */
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

/** The place to go on after, or undefined at the end. */
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
      // The clock was set back since. A row of the future would be kept for as long as the clock was wrong.
      await transaction.run(`UPDATE ${name} SET ${time} = ? WHERE ${inRange} AND ${time} > ?`, nowMs, ...range, nowMs);
    });
  }
  return rows.length < pruneBatchSize ? undefined : last;
}
