import type { RowInsert, Transaction } from "./database.ts";

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

/** Inserts rows, in order, with few statements. The number of rows that were. */
export async function insertRows(
  transaction: Pick<Transaction, "run" | "insertRows">,
  insert: RowInsert,
): Promise<number> {
  const { into, rows, ending = "" } = insert;
  if (transaction.insertRows !== undefined) {
    return rows.length === 0 ? 0 : await transaction.insertRows(insert);
  }
  let count = 0;
  for (const part of inParts(rows)) {
    const row = `(${marksFor(part[0] ?? [])})`;
    const sql = `${into} VALUES ${row}${`, ${row}`.repeat(part.length - 1)} ${ending}`;
    count += await transaction.run(sql, ...part.flat());
  }
  return count;
}
