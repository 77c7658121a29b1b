import type { Transaction } from "./database.ts";

/**
 * The common time of all processes that share a database, in milliseconds since the Unix epoch: the database's time, or the process's own if it is
 * the only one.
 */
export function databaseTime(transaction: Transaction, clock: { now(): number }): Promise<number> | number {
  return transaction.now === undefined ? clock.now() : transaction.now();
}

/**
 * Allocates sequence numbers from a single-row table with the columns `single` and `last_sequence`. The row is locked until the commit: numbers
 * have no gaps and become visible in order. Returns the number before the first. Call it last in a transaction: other transactions wait for the
 * lock.
 */
export async function takeSequences(
  transaction: Transaction,
  { head, count }: { readonly head: string; readonly count: number },
): Promise<number> {
  const row = await transaction.get<{ last_sequence: number }>(
    `UPDATE ${head} SET last_sequence = last_sequence + ? WHERE single = 1 RETURNING last_sequence`,
    count,
  );
  return (row?.last_sequence ?? Number.NaN) - count;
}
