import type { SqlValue, Transaction } from "./database.ts";

/** Items in one statement, at most: with more, the statement's own cost is a small part of it. */
const partMax = 64;

/** Deals items into parts for statements that take many, in order. Their lengths are powers of two, so that few statements are prepared. */
export function* inParts<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; ) {
    const length = Math.min(partMax, 2 ** Math.floor(Math.log2(items.length - at)));
    yield items.slice(at, at + length);
    at += length;
  }
}

/** As many parameters as there are items, for a list: `?, ?, ?`. */
export function marksFor(items: readonly unknown[]): string {
  return items.map(() => "?").join(", ");
}

/** What to insert. */
export interface RowInsert {
  /** Up to the values: `INSERT INTO entries (account_id, note)`. */
  readonly into: string;
  /** The values of each row. All rows have as many. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** What follows the values, for example `ON CONFLICT DO NOTHING`. */
  readonly ending?: string;
}

/** Inserts rows, in order, with few statements. The number of rows that were. */
export async function insertRows(transaction: Transaction, { into, rows, ending = "" }: RowInsert): Promise<number> {
  let count = 0;
  for (const part of inParts(rows)) {
    const row = `(${marksFor(part[0] ?? [])})`;
    const sql = `${into} VALUES ${row}${`, ${row}`.repeat(part.length - 1)} ${ending}`;
    count += await transaction.run(sql, ...part.flat());
  }
  return count;
}
