import { LRUCache } from "lru-cache";
import type { RowInsert, SqlColumn } from "../../database.ts";
import { StoreError } from "../../store-errors.ts";

/** The column types of the schema, by `table.column`. */
export type ColumnTypes = ReadonlyMap<string, string>;

/** The cache size for statement texts: one for each kind of INSERT of a service. */
const textsMax = 256;
const texts = new LRUCache<string, Insert>({ max: textsMax });

interface Insert {
  readonly sql: string;
  readonly width: number;
}

/** An INSERT of any number of rows as one prepared statement: each column is one array parameter. */
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
  const { columns, parameters } = insertParts(into, types);
  // Sorted as the rows are, so that auto-increment values follow their order.
  return {
    sql: `${into} SELECT ${columns.map((_, index) => `c${index}`).join(", ")} FROM unnest(${parameters.join(", ")})
      WITH ORDINALITY AS given (${columns.map((_, index) => `c${index}`).join(", ")}, place) ORDER BY place ${ending}`,
    width: columns.length,
  };
}

/** The columns of `INSERT INTO table (column, ...)`, and an array parameter of its type for each. */
export function insertParts(
  into: string,
  types: ColumnTypes,
): { readonly columns: readonly string[]; readonly parameters: readonly string[] } {
  const match = /^\s*INSERT INTO (\w+) \(([^)]+)\)\s*$/.exec(into);
  if (match === null) {
    throw new StoreError(`"${into}" is not an INSERT of rows: expected INSERT INTO table (column, ...).`);
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
  return { columns, parameters };
}
