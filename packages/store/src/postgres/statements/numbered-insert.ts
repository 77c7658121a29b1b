import { LRUCache } from "lru-cache";
import type { NumberedInsert, RowInsert, SentStatement, SqlColumn } from "../../database.ts";
import { type ColumnTypes, insertParts } from "./unnest-insert.ts";

/** The cache size for statement texts: one for each log of a service. */
const textsMax = 16;
const texts = new LRUCache<string, string>({ max: textsMax });

/** Takes numbers and inserts the rows with them, as one prepared statement. */
export function numberedInsert({ head, count, inserts }: NumberedInsert, types: ColumnTypes): SentStatement {
  const key = [head, ...inserts.map(({ into, ending = "" }) => `${into}\0${ending}`)].join("\0");
  let sql = texts.get(key);
  if (sql === undefined) {
    sql = textOf(head, inserts, types);
    texts.set(key, sql);
  }
  return { sql, parameters: [count, count, ...inserts.flatMap((insert) => columnsOf(insert, types))] };
}

function columnsOf(insert: RowInsert, types: ColumnTypes): readonly SqlColumn[] {
  return insertParts(insert.into, types).columns.map((_, index) => insert.rows.map((row) => row[index] ?? null));
}

function textOf(head: string, inserts: readonly RowInsert[], types: ColumnTypes): string {
  const parts = inserts.map(({ into, ending = "" }, index) => {
    const { columns, parameters } = insertParts(into, types);
    const names = columns.map((_, place) => `c${place}`);
    return `insert_${index} AS (${into} SELECT before + c0, ${names.slice(1).join(", ")}
      FROM head, unnest(${parameters.join(", ")}) AS given (${names.join(", ")}) ${ending})`;
  });
  // The head's row is locked first, and each insert needs its number.
  return `WITH head AS (
      UPDATE ${head} SET last_sequence = last_sequence + ? WHERE single = 1 RETURNING last_sequence - ? AS before
    ), ${parts.join(", ")} SELECT before FROM head`;
}
