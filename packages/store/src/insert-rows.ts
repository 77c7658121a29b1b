import type { SqlValue, Transaction } from "./database.ts";

/** Rows in one statement, at most: with more, the statement's own cost is a small part of it. */
const rowsMax = 64;

/** What to insert. */
export interface RowInsert {
  /** Up to the values: `INSERT INTO entries (account_id, note)`. */
  readonly into: string;
  /** The values of each row. All rows have as many. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** What follows the values: `ON CONFLICT DO NOTHING`, `RETURNING number`. */
  readonly ending?: string;
}

/**
 * Inserts rows, in order, with few statements, and answers what they return. Their lengths are powers of two, so that few different ones are
 * prepared. The rows of one statement are returned in no order.
 */
export async function insertRows<R extends object>(
  transaction: Transaction,
  { into, rows, ending = "" }: RowInsert,
): Promise<readonly R[]> {
  const returned: R[] = [];
  for (let at = 0; at < rows.length; ) {
    const count = Math.min(rowsMax, 2 ** Math.floor(Math.log2(rows.length - at)));
    const some = rows.slice(at, at + count);
    const row = `(${some[0]?.map(() => "?").join(", ")})`;
    const sql = `${into} VALUES ${row}${`, ${row}`.repeat(count - 1)} ${ending}`;
    returned.push(...(await transaction.all<R>(sql, ...some.flat())));
    at += count;
  }
  return returned;
}
