import type { NumberedInsert, Transaction } from "./database.ts";
import { insertRows } from "./many-rows.ts";

/**
 * The common time of all processes that share a database, in milliseconds since the Unix epoch: the database's time, or the process's own if it is
 * the only one.
 */
export function databaseTime(transaction: Transaction, clock: { now(): number }): Promise<number> | number {
  return transaction.now === undefined ? clock.now() : transaction.now();
}

/**
 * Inserts rows with sequence numbers from a single-row table with the columns `single` and `last_sequence`. The row is locked until the commit:
 * numbers have no gaps and become visible in order. Call it last in a transaction: other transactions wait for the lock.
 */
export async function insertNumbered(
  transaction: Pick<Transaction, "run" | "get" | "insertRows" | "insertNumbered" | "onCommit">,
  insert: NumberedInsert,
): Promise<void> {
  if (transaction.insertNumbered !== undefined) {
    transaction.insertNumbered(insert);
    return;
  }
  const before = await takeSequences(transaction, insert);
  for (const { rows, ...rest } of insert.inserts) {
    const numbered = rows.map(([place, ...values]) => [before + Number(place), ...values]);
    await insertRows(transaction, { ...rest, rows: numbered });
  }
  transaction.onCommit(() => insert.onDurable?.(before));
}

/** Returns the number before the first. */
async function takeSequences(
  transaction: Pick<Transaction, "get">,
  { head, count }: { readonly head: string; readonly count: number },
): Promise<number> {
  const row = await transaction.get<{ last_sequence: number }>(
    `UPDATE ${head} SET last_sequence = last_sequence + ? WHERE single = 1 RETURNING last_sequence`,
    count,
  );
  return (row?.last_sequence ?? Number.NaN) - count;
}
