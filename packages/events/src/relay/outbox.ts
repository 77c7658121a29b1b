import { type Database, inParts, marksFor } from "@parley/store";
import type { EventRow } from "../log/log-reader.ts";
import { partitionCount } from "../log/partition.ts";

/** An event whose effect is not yet durable, as the log stores it. */
export interface WaitingRow extends EventRow {
  readonly partition_number: number;
  readonly partition_key: string;
}

/** The waiting events of some partitions after a sequence, in order. */
export function readWaiting(
  database: Database,
  {
    partitions,
    after,
    limit,
  }: { readonly partitions: readonly number[]; readonly after: number; readonly limit: number },
): Promise<readonly WaitingRow[]> {
  return database.all<WaitingRow>(
    readWaitingSql,
    after,
    ...partitions,
    ...noPartitions.slice(partitions.length),
    limit,
  );
}

// One parameter for each partition, used or not, so that one prepared statement suffices.
const noPartitions: readonly number[] = Array(partitionCount).fill(-1);
const readWaitingSql = `
  SELECT waiting.sequence, partition_number, partition_key, event
  FROM event_waiting AS waiting JOIN event_log ON event_log.sequence = waiting.sequence
  WHERE waiting.sequence > ? AND partition_number IN (${marksFor(noPartitions)})
  ORDER BY waiting.sequence LIMIT ?`;

/** Marks events as done: they are not published again, and pruned when they are old. */
export async function markDone(database: Database, sequences: readonly number[]): Promise<void> {
  await database.transaction(async (transaction) => {
    const parts = [...inParts(sequences)].map((part) =>
      transaction.run(`DELETE FROM event_waiting WHERE sequence IN (${marksFor(part)})`, ...part),
    );
    await Promise.all(parts);
  });
}
