import type { Database, Migration } from "../database.ts";
import type { CommitPoint, Schedule } from "../sqlite/group-commit-options.ts";
import { SqliteConnection } from "../sqlite/sqlite-connection.ts";
import { migrateSqlite, SqliteDatabase } from "../sqlite/sqlite-database.ts";

/** A disk that outlives the processes that use it. What was committed is on it, and nothing else. */
export interface CrashableDatabase {
  /**
   * Opens the database for a process that starts, by default with the migrations of the one before. That one must have
   * crashed or closed it.
   */
  open(migrations?: readonly Migration[]): Promise<Database>;
  /**
   * The process is gone, at this very moment: what is not committed is undone, and nothing that it waits for is ever answered.
   * May be called at any point, from within {@link CrashableOptions.atPoint} too.
   */
  crash(): void;
  /** What is durable, for a checker to look at while the database is closed or open. */
  inspect<R extends object>(sql: string): readonly R[];
  /** Gives the disk back. */
  dispose(): void;
}

export interface CrashableOptions {
  readonly migrations: readonly Migration[];
  /** When groups of transactions run: on a later turn, after promises have settled. Default: on the next turn of the event loop. */
  readonly schedule?: Schedule;
  readonly clock?: { now(): number };
  /** Told each moment of a group of transactions; the database may be crashed there. */
  readonly atPoint?: (point: CommitPoint) => void;
}

/** Makes a disk in memory, with no timer and no randomness of its own. */
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
        throw new Error("A group of transactions is running: inspect between turns.");
      }
      return connection.all(sql, []) as R[];
    },
    dispose() {
      connection.close();
    },
  };
}
