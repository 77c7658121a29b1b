import type { Database, Migration } from "./database.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { observedDatabase, type TransactionObserver } from "./observed-database.ts";
import type { Schedule } from "./sqlite/group-commit-options.ts";
import { openSqliteFile, openSqliteMemory } from "./sqlite/sqlite-database.ts";
import type { StoreUnavailableError } from "./store-errors.ts";

export interface OpenDatabaseOptions {
  /** The schema's history, the service's own and that of what it builds on (`[...orderMigrations, ...eventMigrations]`). */
  readonly migrations: readonly Migration[];
  /** Tells when migrations were applied. Default: the machine's clock. */
  readonly clock?: { now(): number };
  /**
   * Told that the disk failed as a commit was written. From then on everything is refused: what the disk holds is seen only by opening
   * the database again, best in a new process.
   */
  readonly onFailed?: (failure: StoreUnavailableError) => void;
  /** Told while a PostgreSQL server is waited for. */
  readonly log?: { warn(details: object, message: string): void };
  /** Ends the waiting for a PostgreSQL server. */
  readonly signal?: AbortSignal;
  /** Is told of transactions: how long they waited, ran and took to be durable. */
  readonly observer?: TransactionObserver | undefined;
  /** When groups of transactions run. Default: on the next turn of the event loop. */
  readonly schedule?: Schedule;
}

/**
 * Opens the database that a URL names, making it where it is missing, and brings its schema up to date:
 * `sqlite:./data/order.db`, `sqlite::memory:` or `postgres://user:password@host:5432/order`. A file is locked until the database is closed: a second process is refused with
 * {@link StoreUnavailableError} (`locked`), which names the first. A PostgreSQL server that is away is waited for. Throws {@link DatabaseUrlError}, {@link MigrationError} or
 * {@link StoreUnavailableError}.
 */
export async function openDatabase(url: string, options: OpenDatabaseOptions): Promise<Database> {
  const database = await openByUrl(url, options);
  return options.observer === undefined ? database : observedDatabase(database, options.observer);
}

async function openByUrl(url: string, options: OpenDatabaseOptions): Promise<Database> {
  const parsed = parseDatabaseUrl(url);
  const now = () => (options.clock ?? Date).now();
  if (parsed.kind === "postgres") {
    // Loaded only where it is needed: the driver is a good part of what a small service would keep in memory.
    const { openPostgres } = await import("./postgres/postgres-database.ts");
    const { migrations, log, signal } = options;
    return openPostgres({ ...parsed, migrations, log, signal, now });
  }
  const settings = {
    migrations: options.migrations,
    now,
    schedule: options.schedule ?? setImmediate,
    onFailed: options.onFailed,
  };
  return parsed.kind === "sqlite-memory" ? openSqliteMemory(settings) : openSqliteFile(parsed.path, settings);
}
