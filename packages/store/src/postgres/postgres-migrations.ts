import type { Migration } from "../database.ts";
import { migrationFailed, migrationsTable, pendingMigrations } from "../migrate.ts";
import { commitsTable } from "./commit-outcome.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { sqlStateOf } from "./postgres-errors.ts";
import { postgresMigration, postgresStatement } from "./statements/postgres-sql.ts";

/** The maximum number of attempts of a statement that creates an object which another process may be creating concurrently. */
const createTriesMax = 20;

/**
 * Migrates the schema. Any number of processes may do so concurrently: each step is a transaction that locks one row, and reads the applied steps
 * again after it has the lock.
 */
export async function migratePostgres(
  connection: PostgresConnection,
  { migrations, nowMs }: { readonly migrations: readonly Migration[]; readonly nowMs: number },
): Promise<void> {
  for (const sql of [migrationsTable, lockTable, lockRow, commitsTable]) {
    await create(connection, postgresMigration(sql));
  }
  while (await applyNext(connection, migrations, nowMs));
}

const lockTable = "CREATE TABLE IF NOT EXISTS parley_migration_lock (single INTEGER PRIMARY KEY)";
const lockRow = "INSERT INTO parley_migration_lock (single) VALUES (1) ON CONFLICT (single) DO NOTHING";

/** `IF NOT EXISTS` does not protect against a concurrent creation of the same object: the catalogue's unique indexes refuse one of the two. */
async function create(connection: PostgresConnection, sql: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await connection.executeText(sql);
      return;
    } catch (error) {
      const state = sqlStateOf(error);
      const raced = state === "23505" || state === "42P07" || state === "42710" || state === "40001";
      if (!raced || tries >= createTriesMax) {
        throw error;
      }
    }
  }
}

/** Applies the first missing step. Returns false if there is none. */
async function applyNext(
  connection: PostgresConnection,
  migrations: readonly Migration[],
  nowMs: number,
): Promise<boolean> {
  const query = (sql: string, ...parameters: (string | number)[]) =>
    connection.execute(postgresStatement(sql), parameters);
  await connection.executeText("BEGIN");
  try {
    // A step, and the wait for its lock, may take longer than the timeouts of calls allow.
    await connection.executeText("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0");
    await query("SELECT single FROM parley_migration_lock WHERE single = 1 FOR UPDATE");
    const { rows } = await query("SELECT id, checksum FROM parley_migrations");
    const [next] = pendingMigrations(rows as { id: string; checksum: string }[], migrations);
    if (next !== undefined) {
      await connection.executeText(postgresMigration(next.migration.sql)).catch((cause: unknown) => {
        throw migrationFailed(next.migration, cause);
      });
      await query(
        "INSERT INTO parley_migrations (id, checksum, apply_time) VALUES (?, ?, ?)",
        next.migration.id,
        next.checksum,
        nowMs,
      );
    }
    await connection.executeText("COMMIT");
    return next !== undefined;
  } catch (error) {
    await connection.executeText("ROLLBACK").catch(() => {});
    throw error;
  }
}
