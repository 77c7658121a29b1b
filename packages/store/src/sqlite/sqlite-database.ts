import { closeSync, fdatasync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { Database, Migration, Row, SqlValue, Transaction } from "../database.ts";
import { type MigrationTarget, migrate, migrationsTable } from "../migrate.ts";
import { StoreError, StoreUnavailableError } from "../store-errors.ts";
import { Disk } from "./disk.ts";
import { GroupCommit } from "./group-commit.ts";
import type { GroupCommitOptions } from "./group-commit-options.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

/**
 * SQLite itself waits for the disk only where the order of writes matters (at checkpoints, and as the log begins anew). That a commit is on
 * the disk before anybody is told of it, as with `synchronous = FULL`, is seen to by {@link openLog}, off this thread.
 */
const filePragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";

/** A SQLite database: one connection that writes in groups, and where there is a file, one that reads what is durable. */
export class SqliteDatabase implements Database {
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection | undefined;
  readonly #disk: Disk | undefined;
  readonly #group: GroupCommit;
  readonly #onClosed: () => void;
  #closed: Promise<void> | undefined;

  constructor(writer: SqliteConnection, options: GroupCommitOptions & SqliteConnections) {
    this.#writer = writer;
    this.#reader = options.reader;
    this.#disk = options.disk;
    this.#onClosed = options.onClosed;
    this.#group = new GroupCommit(writer, options);
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#group.transaction(work);
  }

  all<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R[]> {
    return this.#read(sql, (connection) => connection.all(sql, parameters) as R[]);
  }

  get<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R | undefined> {
    return this.#read(sql, (connection) => connection.get(sql, parameters) as R | undefined);
  }

  close(): Promise<void> {
    this.#closed ??= this.#group.close().then(this.#onClosed);
    return this.#closed;
  }

  /** For simulations: the process that had the database open is gone. */
  cut(): void {
    this.#group.cut();
  }

  #read<R>(sql: string, statement: (connection: SqliteConnection) => R): Promise<R> {
    const reader = this.#reader;
    if (reader === undefined) {
      return this.#group.read(() => {
        if (!this.#writer.isRead(sql)) {
          throw new StoreError("A statement that writes needs a transaction.");
        }
        return statement(this.#writer);
      });
    }
    if (this.#closed !== undefined) {
      return Promise.reject(new StoreUnavailableError("closed", "The database is closed."));
    }
    try {
      const answer = statement(reader);
      return this.#disk === undefined ? Promise.resolve(answer) : this.#disk.onceDurable(answer);
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

export interface SqliteConnections {
  /** Reads beside the connection that writes, and sees what is durable. Without one, reads wait for the group under way. */
  readonly reader?: SqliteConnection;
  /** Closes the connections, after the last statement. */
  readonly onClosed: () => void;
}

export interface SqliteOptions extends GroupCommitOptions {
  readonly migrations: readonly Migration[];
  readonly now: () => number;
  readonly onFailed?: ((failure: StoreUnavailableError) => void) | undefined;
}

/** Opens the file, making it and its folder where they are missing. */
export function openSqliteFile(path: string, options: SqliteOptions): SqliteDatabase {
  makeFolder(path);
  const writer = new SqliteConnection(path);
  try {
    writer.execute(filePragmas);
    migrateSqlite(writer, options);
    const reader = new SqliteConnection(path, { readOnly: true });
    const log = openLog(path);
    return new SqliteDatabase(writer, {
      ...options,
      disk: new Disk(log.sync, options.onFailed),
      reader,
      onClosed() {
        log.close();
        reader.close();
        writer.close();
      },
    });
  } catch (error) {
    writer.close();
    throw error;
  }
}

/** The write-ahead log beside the file, where commits are written first. It stays the same file as long as the database is open. */
function openLog(path: string): { sync(): Promise<void>; close(): void } {
  const descriptor = openSync(`${path}-wal`, "r+");
  return {
    sync: () =>
      new Promise((resolve, reject) => fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))),
    close: () => closeSync(descriptor),
  };
}

/** Opens a database that is gone when it is closed. */
export function openSqliteMemory(options: SqliteOptions): SqliteDatabase {
  const connection = new SqliteConnection(":memory:");
  try {
    migrateSqlite(connection, options);
    return new SqliteDatabase(connection, { ...options, onClosed: () => connection.close() });
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Brings the schema up to date. */
export function migrateSqlite(connection: SqliteConnection, options: Pick<SqliteOptions, "migrations" | "now">): void {
  const target: MigrationTarget = {
    applied() {
      connection.execute(migrationsTable);
      return connection.all("SELECT id, checksum FROM parley_migrations", []) as { id: string; checksum: string }[];
    },
    apply(migration, checksum) {
      connection.execute("BEGIN IMMEDIATE");
      try {
        connection.execute(migration.sql);
        connection.run("INSERT INTO parley_migrations (id, checksum, apply_time) VALUES (?, ?, ?)", [
          migration.id,
          checksum,
          options.now(),
        ]);
        connection.execute("COMMIT");
      } catch (error) {
        if (connection.inTransaction) {
          connection.execute("ROLLBACK");
        }
        throw error;
      }
    },
  };
  migrate(target, options.migrations);
}

function makeFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw new StoreUnavailableError("cannot-open", `The folder of the database ${path} cannot be made.`, { cause });
  }
}
