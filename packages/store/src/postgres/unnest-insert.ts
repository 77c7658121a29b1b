import { LRUCache } from "lru-cache";
import type { RowInsert, SqlColumn } from "../database.ts";
import { StoreError } from "../store-errors.ts";

/** The types of the schema's columns, by `table.column`. */
export type ColumnTypes = ReadonlyMap<string, string>;

/** Texts kept: one for each kind of insert that a service has. */
const textsMax = 256;
const texts = new LRUCache<string, Insert>({ max: textsMax });

interface Insert {
  readonly sql: string;
  readonly width: number;
}

/** An insert of any number of rows with one prepared statement: each column is one parameter. */
export function unnestInsert(
  { into, rows, ending = "" }: RowInsert,
  types: ColumnTypes,
): { readonly sql: string; readonly columns: readonly SqlColumn[] } {
  const key = `${into}\0${ending}`;
  let insert = texts.get(key);
  if (insert === undefined) {
    insert = textOf(into, ending, types);
    texts.set(key, insert);
  }
  const columns = Array.from({ length: insert.width }, (_, index) => rows.map((row) => row[index] ?? null));
  return { sql: insert.sql, columns };
}

function textOf(into: string, ending: string, types: ColumnTypes): Insert {
  const match = /^\s*INSERT INTO (\w+) \(([^)]+)\)\s*$/.exec(into);
  if (match === null) {
    throw new StoreError(`"${into}" is no insert of rows: expected INSERT INTO table (column, ...).`);
  }
  const [, table = "", list = ""] = match;
  const columns = list.split(",").map((column) => column.trim());
  const parameters = columns.map((column) => {
    const type = types.get(`${table}.${column}`);
    if (type === undefined) {
      throw new StoreError(`The schema has no column ${table}.${column}.`);
    }
    return `?::${type}[]`;
  });
  // In the order of the rows, so that numbers that count up by themselves follow it.
  return {
    sql: `${into} SELECT ${columns.map((_, index) => `c${index}`).join(", ")} FROM unnest(${parameters.join(", ")})
      WITH ORDINALITY AS given (${columns.map((_, index) => `c${index}`).join(", ")}, place) ORDER BY place ${ending}`,
    width: columns.length,
  };
}
