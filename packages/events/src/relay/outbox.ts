import type { Database, SqlValue } from "@parley/store";
import type { EventRow } from "../log/log-reader.ts";
import { partitionCount } from "../log/partition.ts";

/** An event whose effect is not sure yet, as the log keeps it. */
export interface WaitingRow extends EventRow {
  readonly partition_number: number;
  readonly partition_key: string;
}

/** The waiting events of some partitions after a place in the log, in order. */
export function readWaiting(
  database: Database,
  {
    partitions,
    after,
    limit,
  }: { readonly partitions: readonly number[]; readonly after: number; readonly limit: number },
): Promise<readonly WaitingRow[]> {
  return database.all<WaitingRow>(readWaitingSql, after, ...padded(partitions, partitionCount, -1), limit);
}

// As many parameters as there are partitions, whichever are asked for, so that one prepared statement serves.
const readWaitingSql = `
  SELECT sequence, partition_number, partition_key, event FROM event_log
  WHERE state = 0 AND sequence > ? AND partition_number IN (${Array(partitionCount).fill("?").join(", ")})
  ORDER BY sequence LIMIT ?`;

/** Marks events as done: they are not published again, and pruned when they are old. */
export async function markDone(database: Database, sequences: readonly number[]): Promise<void> {
  const last = sequences.at(-1);
  if (last === undefined) {
    return;
  }
  // Padded to few lengths, so that few statements are prepared.
  const length = sequences.length === 1 ? 1 : Math.ceil(sequences.length / markStep) * markStep;
  const sql = `UPDATE event_log SET state = 1 WHERE sequence IN (${Array(length).fill("?").join(", ")})`;
  await database.transaction((transaction) => transaction.run(sql, ...padded(sequences, length, last)));
}

const markStep = 25;

function padded(values: readonly number[], length: number, filler: number): readonly SqlValue[] {
  return values.length === length ? values : [...values, ...Array<number>(length - values.length).fill(filler)];
}
