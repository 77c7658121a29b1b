import type { Transaction } from "./database.ts";

/**
 * The time by which processes that share a database agree, in milliseconds since the Unix epoch: the database's, or where one process has it
 * to itself, that process's own.
 */
export function databaseTime(transaction: Transaction, clock: { now(): number }): Promise<number> | number {
  return transaction.now === undefined ? clock.now() : transaction.now();
}

/**
 * Takes numbers that count up from a table of one row, `single` and `last_sequence`, which is held until the commit: numbers have no gaps
 * and become visible in order. Returns the number before the first. Do it last in a transaction: others wait for it.
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
