import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Database, Migration, Row, SqlValue, Transaction } from "../database.ts";
import { type MigrationTarget, migrate, migrationsTable } from "../migrate.ts";
import { StoreError, StoreUnavailableError } from "../store-errors.ts";
import { Disk } from "./disk.ts";
import { lockFile } from "./file-lock.ts";
import { GroupCommit } from "./group-commit.ts";
import type { GroupCommitOptions } from "./group-commit-options.ts";
import { makeFilesPrivate } from "./private-files.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { openSyncedFile, type SyncedFile } from "./synced-file.ts";

/**
 * With `synchronous = NORMAL`, SQLite calls fsync only where the order of writes matters (at checkpoints, and when the log is restarted). {@link
 * openSyncedFile} adds the fsync before a commit is reported, as `synchronous = FULL` does, but off this thread.
 */
const filePragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";

/** A SQLite database: one connection that writes with group commit, and for a file, one that reads durable data. */
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

  /** Resolves when the data that the file held when it was opened is on the disk. Do not use the database before. */
  async ready(): Promise<void> {
    await this.#disk?.wait();
  }

  /** For simulations: the process that had the database open has died. */
  cut(): void {
    this.#group.cut();
  }

  /** For simulations: releases the resources of a process that has died. */
  abandon(): void {
    this.#onClosed();
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
  /** A separate connection for reads of durable data. Without it, reads wait for the current group. */
  readonly reader?: SqliteConnection;
  /** Called after the last statement. Closes the connections. */
  readonly onClosed: () => void;
}

export interface SqliteOptions extends GroupCommitOptions {
  readonly migrations: readonly Migration[];
  readonly now: () => number;
  readonly onFailed?: ((failure: StoreUnavailableError) => void) | undefined;
  /** Opens the file for fsync. Default: the machine's file system. */
  readonly openSynced?: ((path: string) => SyncedFile) | undefined;
}

/** Opens the file, creates it and its folder if missing, and locks it until the database is closed. */
export async function openSqliteFile(path: string, options: SqliteOptions): Promise<SqliteDatabase> {
  makeFolder(path);
  const lock = await lockFile(path);
  try {
    makeFilesPrivate(path);
    const database = openLocked(path, { ...options, onReleased: lock.release });
    await database.ready().catch(async (error: unknown) => {
      await database.close();
      throw error;
    });
    return database;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Opens a file that is already locked for this process. Use it after {@link SqliteDatabase.ready}. */
export function openLocked(
  path: string,
  options: SqliteOptions & { readonly onReleased?: () => void },
): SqliteDatabase {
  const writer = new SqliteConnection(path);
  try {
    writer.execute(filePragmas);
    migrateSqlite(writer, options);
    rewriteLog(writer);
    const reader = new SqliteConnection(path, { readOnly: true });
    const log = (options.openSynced ?? openSyncedFile)(`${path}-wal`);
    return new SqliteDatabase(writer, {
      ...options,
      disk: new Disk(log.sync, options.onFailed),
      reader,
      onClosed() {
        log.close();
        reader.close();
        writer.close();
        options.onReleased?.();
      },
    });
  } catch (error) {
    writer.close();
    throw error;
  }
}

/**
 * Copies the write-ahead log into the database file, waits for fsync, and restarts the log. The previous process may have ended because an fsync of
 * the log failed. Its content is then read from the page cache, and a later fsync of it proves nothing.
 */
function rewriteLog(writer: SqliteConnection): void {
  const [result] = writer.all("PRAGMA wal_checkpoint(TRUNCATE)", []) as { busy: number }[];
  if (result?.busy !== 0) {
    throw new StoreUnavailableError(
      "locked",
      "Another program is reading the database, so its write-ahead log cannot be checkpointed: stop that program first.",
    );
  }
}

/** Opens an in-memory database. Its data is lost when it is closed. */
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

/** Migrates the schema. */
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
    throw new StoreUnavailableError("cannot-open", `The folder of the database ${path} cannot be created.`, { cause });
  }
}
