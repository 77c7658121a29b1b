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
 * SQLite itself waits for the disk only where the order of writes matters (at checkpoints, and as the log begins anew). That a commit is on
 * the disk before anybody is told of it, as with `synchronous = FULL`, is seen to by {@link openSyncedFile}, off this thread.
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

  /** Resolves when what was there as the database was opened is on the disk. Nothing may be asked of it before. */
  async ready(): Promise<void> {
    await this.#disk?.wait();
  }

  /** For simulations: the process that had the database open is gone. */
  cut(): void {
    this.#group.cut();
  }

  /** For simulations: gives back what a process that is gone had open. */
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
  /** Reads beside the connection that writes, and sees what is durable. Without one, reads wait for the current group. */
  readonly reader?: SqliteConnection;
  /** Closes the connections, after the last statement. */
  readonly onClosed: () => void;
}

export interface SqliteOptions extends GroupCommitOptions {
  readonly migrations: readonly Migration[];
  readonly now: () => number;
  readonly onFailed?: ((failure: StoreUnavailableError) => void) | undefined;
  /** Opens a file to wait for the disk with. Default: the machine's. */
  readonly openSynced?: ((path: string) => SyncedFile) | undefined;
}

/** Opens the file, making it and its folder where they are missing, and locks it until the database is closed. */
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

/** Opens a file that no other process has open. Use it once it is {@link SqliteDatabase.ready}. */
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
 * Copies what the write-ahead log holds into the database file, waits for the disk, and begins the log anew. An earlier life may have ended
 * because the disk failed under the log: what is read from it then comes from memory, and no later fsync of it proves anything.
 */
function rewriteLog(writer: SqliteConnection): void {
  const [result] = writer.all("PRAGMA wal_checkpoint(TRUNCATE)", []) as { busy: number }[];
  if (result?.busy !== 0) {
    throw new StoreUnavailableError(
      "locked",
      "The database is being read by another program, so its write-ahead log cannot be made safe: end that program first.",
    );
  }
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
