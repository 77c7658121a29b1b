import type { Database, Migration, SqlValue } from "../database.ts";
import type { CommitPoint, Schedule } from "../sqlite/group-commit-options.ts";
import { SqliteConnection } from "../sqlite/sqlite-connection.ts";
import { migrateSqlite, SqliteDatabase } from "../sqlite/sqlite-database.ts";

/** A disk that outlives the processes that use it. It holds only committed data. */
export interface CrashableDatabase {
  /** Opens the database for a new process, by default with the migrations of the previous one. That process must have crashed or closed it. */
  open(migrations?: readonly Migration[]): Promise<Database>;
  /**
   * Crashes the process at this moment: uncommitted data is rolled back, and its pending calls never settle. May be called at any point, also from
   * within {@link CrashableOptions.atPoint}.
   */
  crash(): void;
  /** Reads durable data for a checker, whether the database is open or closed. */
  inspect<R extends object>(sql: string): readonly R[];
  /**
   * Copies the durable data, as a standby has it. Returns a function that puts the copy in place of the data, once no process has the database open.
   * Undefined while a transaction is running. Only for a disk in memory.
   */
  snapshot?(): (() => void) | undefined;
  /** Deletes the disk. */
  dispose(): void;
}

export interface CrashableOptions {
  readonly migrations: readonly Migration[];
  /** Schedules groups of transactions: on a later tick, after promises have settled. Default: on the next event-loop tick. */
  readonly schedule?: Schedule;
  readonly clock?: { now(): number };
  /** Called at each point of a group. It may crash the database there. */
  readonly atPoint?: (point: CommitPoint) => void;
}

/** Creates a disk in memory, without timers and randomness of its own. */
export function createCrashableDatabase(options: CrashableOptions): CrashableDatabase {
  const connection = new SqliteConnection(":memory:");
  let opened: SqliteDatabase | undefined;

  return {
    async open(migrations = options.migrations) {
      if (opened !== undefined) {
        throw new Error("The database is open already: crash or close it first.");
      }
      migrateSqlite(connection, { migrations, now: () => (options.clock ?? Date).now() });
      const database = new SqliteDatabase(connection, {
        schedule: options.schedule ?? setImmediate,
        atPoint: options.atPoint,
        onClosed() {
          opened = undefined;
        },
      });
      opened = database;
      return database;
    },
    crash() {
      const database = opened;
      opened = undefined;
      database?.cut();
    },
    inspect<R extends object>(sql: string) {
      if (connection.inTransaction) {
        throw new Error("A group of transactions is running: inspect between event-loop ticks.");
      }
      return connection.all(sql, []) as R[];
    },
    snapshot() {
      return connection.inTransaction ? undefined : snapshotOf(connection);
    },
    dispose() {
      connection.close();
    },
  };
}

/** All rows of all tables, with the sequences of AUTOINCREMENT. */
function snapshotOf(connection: SqliteConnection): () => void {
  const tables = connection.all("SELECT name FROM sqlite_master WHERE type = 'table'", []) as {
    readonly name: string;
  }[];
  const copies = tables.map(({ name }) => ({
    name,
    rows: connection.all(`SELECT * FROM ${name}`, []) as Record<string, SqlValue>[],
  }));
  return () => {
    connection.run("BEGIN", []);
    connection.run("PRAGMA defer_foreign_keys = ON", []);
    // Inserting into a table moves its sequence, so the table of sequences comes last.
    copies.sort((a, b) => Number(a.name === "sqlite_sequence") - Number(b.name === "sqlite_sequence"));
    for (const { name, rows } of copies) {
      connection.run(`DELETE FROM ${name}`, []);
      for (const row of rows) {
        const names = Object.keys(row);
        const sql = `INSERT INTO ${name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
        connection.run(sql, Object.values(row));
      }
    }
    connection.run("COMMIT", []);
  };
}
