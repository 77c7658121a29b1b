import type { RowInsert, Transaction } from "./database.ts";

/** The maximum number of items in one statement. With more, the statement's fixed cost is already negligible. */
const partMax = 64;

/** Splits items into chunks, in order. Chunk lengths are powers of two, so that few distinct statements are prepared. */
export function* inParts<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; ) {
    const length = Math.min(partMax, 2 ** Math.floor(Math.log2(items.length - at)));
    yield items.slice(at, at + length);
    at += length;
  }
}

/** One placeholder for each item, for a list: `?, ?, ?`. */
export function marksFor(items: readonly unknown[]): string {
  return items.map(() => "?").join(", ");
}

/** Inserts rows, in order, with few statements. Returns the number of inserted rows. */
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
