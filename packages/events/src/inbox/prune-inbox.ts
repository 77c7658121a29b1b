import type { Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { startPeriodic } from "../periodic.ts";

/** How long an event that was dealt with is remembered: a source that gave it must have been told so by then. */
export const inboxRetentionMs = 30 * 24 * 60 * 60 * 1000;
/** Only about space, so seldom. */
const pruneIntervalMs = 60_000;
/** Rows removed in one transaction: few enough that nobody waits noticeably for it. */
const pruneBatchSize = 500;

export interface PruneInboxOptions {
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "log">;
  readonly retentionMs: number;
}

/** Forgets what is older than the retention, every minute. The answer ends it. */
export function startPruningInbox({ database, environment, retentionMs }: PruneInboxOptions): () => Promise<void> {
  const { clock, log } = environment;
  return startPeriodic(() => pruneInbox(database, clock.now() - retentionMs), {
    clock,
    intervalMs: pruneIntervalMs,
    onError: (error) => log.warn({ err: error }, "pruning the inbox failed"),
  });
}

/** Forgets what was dealt with before `beforeMs`, a batch at a time. Rows are numbered as they come: those at the beginning are the oldest. */
export async function pruneInbox(database: Database, beforeMs: number): Promise<void> {
  for (const table of [
    { name: "inbox_events", time: "receive_time" },
    { name: "inbox_failures", time: "fail_time" },
  ]) {
    let pruned: number;
    do {
      pruned = await database.transaction((transaction) =>
        transaction.run(
          `DELETE FROM ${table.name} WHERE ${table.time} < ? AND rowid IN (
             SELECT rowid FROM ${table.name} ORDER BY rowid LIMIT ${pruneBatchSize}
           )`,
          beforeMs,
        ),
      );
    } while (pruned === pruneBatchSize);
  }
}
