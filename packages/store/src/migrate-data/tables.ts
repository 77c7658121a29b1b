import type { SqlValue } from "../database.ts";
import type { SqliteConnection } from "../sqlite/sqlite-connection.ts";

/** A table of a service. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns of the primary key, in order. */
  readonly key: readonly string[];
  /** The auto-increment column, if there is one. */
  readonly counted: string | undefined;
}

/** A service's tables, without the store's own. */
export function readTables(reader: SqliteConnection): readonly Table[] {
  const tables = reader.all(
    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'parley_%' ORDER BY name",
    [],
  ) as { name: string; sql: string }[];
  return tables.map(({ name, sql }) => {
    const columns = reader.all(`SELECT name, pk FROM pragma_table_info('${name}') ORDER BY cid`, []) as ColumnRow[];
    const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
    return {
      name,
      columns: columns.map((column) => column.name),
      key: key.map((column) => column.name),
      counted: /AUTOINCREMENT/.test(sql) ? key[0]?.name : undefined,
    };
  });
}

interface ColumnRow {
  readonly name: string;
  readonly pk: number;
}

/** A text form of a row: equal if and only if the values are equal. */
export function comparable(table: Table, row: Readonly<Record<string, SqlValue>>): string {
  return JSON.stringify(
    table.columns.map((column) => {
      const value = row[column] ?? null;
      return value instanceof Uint8Array
        ? ["bytes", Buffer.from(value).toString("base64")]
        : [typeof value, value === null ? null : String(value)];
    }),
  );
}
