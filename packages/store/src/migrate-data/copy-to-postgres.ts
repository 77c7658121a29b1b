import type { Database, Migration, SqlValue, Transaction } from "../database.ts";
import { parseDatabaseUrl } from "../database-url.ts";
import { openDatabase } from "../open-database.ts";
import { SqliteConnection } from "../sqlite/sqlite-connection.ts";
import { DatabaseUrlError, StoreError } from "../store-errors.ts";
import { comparable, readTables, type Table } from "./tables.ts";

/** The number of rows read, written and compared at a time. */
const batchSize = 500;

export interface CopyOptions {
  /** `sqlite:<file>`. The file is locked during the copy: stop its service first. */
  readonly from: string;
  /** `postgres://…`, an empty database. */
  readonly to: string;
  /** The migrations of the service. */
  readonly migrations: readonly Migration[];
  /** Called after a table was copied and compared. */
  readonly onTable?: (table: string, rowCount: number) => void;
}

/** The target already has rows, or a copied row differs. The transaction was rolled back. */
export class CopyError extends StoreError {
  override readonly name = "CopyError";
}

/**
 * Copies a service's data from a SQLite file to a PostgreSQL database, in one transaction, and compares every row before it commits. Throws {@link
 * CopyError}, and the errors of {@link openDatabase}.
 */
export async function copyToPostgres({ from, to, migrations, onTable = () => {} }: CopyOptions): Promise<void> {
  const source = parseDatabaseUrl(from);
  if (source.kind !== "sqlite-file") {
    throw new DatabaseUrlError("--from must be a sqlite: file.");
  }
  if (parseDatabaseUrl(to).kind !== "postgres") {
    throw new DatabaseUrlError("--to must be a postgres:// URL.");
  }
  // Locks the file and migrates its schema, so that both databases have the same tables.
  const lock = await openDatabase(from, { migrations });
  const reader = new SqliteConnection(source.path, { readOnly: true });
  try {
    const target = await openDatabase(to, { migrations });
    try {
      await copyAll(reader, target, onTable);
    } finally {
      await target.close();
    }
  } finally {
    reader.close();
    await lock.close();
  }
}

async function copyAll(reader: SqliteConnection, target: Database, onTable: (table: string, rows: number) => void) {
  const copied: [string, number][] = [];
  await target.transaction(async (transaction) => {
    copied.length = 0;
    for (const table of readTables(reader)) {
      await makeEmpty(transaction, table);
      const count = await copyTable(reader, transaction, table);
      await compareTable(reader, transaction, table);
      await continueSequences(transaction, table);
      copied.push([table.name, count]);
    }
  });
  for (const [table, count] of copied) {
    onTable(table, count);
  }
}

/** Migrations insert the row of single-row tables: delete those rows first. */
async function makeEmpty(transaction: Transaction, table: Table): Promise<void> {
  if (table.columns.includes("single")) {
    await transaction.run(`DELETE FROM ${table.name}`);
  } else if ((await transaction.get(`SELECT 1 AS one FROM ${table.name} LIMIT 1`)) !== undefined) {
    throw new CopyError(`The target has rows in ${table.name} already: choose an empty database.`);
  }
}

async function copyTable(reader: SqliteConnection, transaction: Transaction, table: Table): Promise<number> {
  const list = table.columns.join(", ");
  let count = 0;
  for (const rows of batches(reader, table)) {
    count += rows.length;
    await transaction.insertRows?.({
      into: `INSERT INTO ${table.name} (${list})`,
      rows: rows.map((row) => table.columns.map((column) => row[column] ?? null)),
    });
  }
  return count;
}

/** Reads both sides in the order of the primary key. Both databases compare it byte by byte. */
async function compareTable(reader: SqliteConnection, transaction: Transaction, table: Table): Promise<void> {
  const key = table.key.join(", ");
  const marks = table.key.map(() => "?").join(", ");
  for (const rows of batches(reader, table)) {
    const [first, last] = [rows[0], rows.at(-1)] as [SourceRow, SourceRow];
    const arrived = await transaction.all<SourceRow>(
      `SELECT ${table.columns.join(", ")} FROM ${table.name} WHERE (${key}) >= (${marks}) AND (${key}) <= (${marks}) ORDER BY ${key}`,
      ...keyOf(table, first),
      ...keyOf(table, last),
    );
    rows.forEach((row, index) => {
      const other = arrived[index];
      if (other === undefined || comparable(table, row) !== comparable(table, other)) {
        throw new CopyError(
          `A copied row of ${table.name} differs from its source: ${JSON.stringify(keyOf(table, row), textOf)}.`,
        );
      }
    });
    if (arrived.length !== rows.length) {
      throw new CopyError(
        `The target has ${arrived.length} rows of ${table.name} where the source has ${rows.length}.`,
      );
    }
  }
}

/** Sets auto-increment sequences to continue after the last value. */
async function continueSequences(transaction: Transaction, table: Table): Promise<void> {
  const { counted } = table;
  if (counted !== undefined) {
    await transaction.get(
      `SELECT setval(pg_get_serial_sequence('${table.name}', '${counted}'), COALESCE(MAX(${counted}), 0) + 1, false) AS next FROM ${table.name}`,
    );
  }
}

type SourceRow = Record<string, SqlValue>;

function* batches(reader: SqliteConnection, table: Table): Iterable<readonly SourceRow[]> {
  const key = table.key.join(", ");
  const marks = table.key.map(() => "?").join(", ");
  let after: SourceRow | undefined;
  while (true) {
    const where = after === undefined ? "" : `WHERE (${key}) > (${marks})`;
    const sql = `SELECT ${table.columns.join(", ")} FROM ${table.name} ${where} ORDER BY ${key} LIMIT ${batchSize}`;
    const rows = reader.all(sql, after === undefined ? [] : keyOf(table, after)) as SourceRow[];
    if (rows.length > 0) {
      yield rows;
    }
    after = rows.at(-1);
    if (after === undefined || rows.length < batchSize) {
      return;
    }
  }
}

function keyOf(table: Table, row: SourceRow): readonly SqlValue[] {
  return table.key.map((column) => row[column] ?? null);
}

function textOf(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
