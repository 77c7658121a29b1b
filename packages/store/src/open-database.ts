import type { Database, Migration } from "./database.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { observedDatabase, type TransactionObserver } from "./observed-database.ts";
import type { StartLog } from "./postgres/connect-at-start.ts";
import type { Schedule } from "./sqlite/group-commit-options.ts";
import { openSqliteFile, openSqliteMemory } from "./sqlite/sqlite-database.ts";
import { type StoreProblem, StoreUnavailableError } from "./store-errors.ts";

export interface OpenDatabaseOptions {
  /** The migrations of the service and of the packages that it uses (`[...orderMigrations, ...eventMigrations]`). */
  readonly migrations: readonly Migration[];
  /** The clock for the times at which migrations were applied. Default: the machine's clock. */
  readonly clock?: { now(): number };
  /**
   * Called when the disk failed during a commit. From then on every call is refused: the content of the disk is known only after the database is
   * reopened, preferably in a new process.
   */
  readonly onFailed?: (failure: StoreUnavailableError) => void;
  /** Logs the wait for a PostgreSQL server. */
  readonly log?: { warn(details: object, message: string): void };
  /** Stops the wait for a PostgreSQL server. */
  readonly signal?: AbortSignal;
  /** Receives the times of transactions: queueing, body and commit. */
  readonly observer?: TransactionObserver | undefined;
  /** Schedules groups of transactions. Default: on the next event-loop tick. */
  readonly schedule?: Schedule;
}

/**
 * Opens the database at a URL, creates it if it does not exist, and migrates its schema: `sqlite:./data/order.db`, `sqlite::memory:` or
 * `postgres://user:password@host:5432/order`. A file is locked until the database is closed: a second process is refused with {@link
 * StoreUnavailableError} (`locked`), which names the first. If a PostgreSQL server is not available, waits for it. Throws {@link DatabaseUrlError},
 * {@link MigrationError} or {@link StoreUnavailableError}.
 */
export async function openDatabase(url: string, options: OpenDatabaseOptions): Promise<Database> {
  const database = await openByUrl(url, options);
  return options.observer === undefined ? database : observedDatabase(database, options.observer);
}

async function openByUrl(url: string, options: OpenDatabaseOptions): Promise<Database> {
  const parsed = parseDatabaseUrl(url);
  const now = () => (options.clock ?? Date).now();
  if (parsed.kind === "postgres") {
    // Loaded on demand: the driver takes a large part of a small service's memory.
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

/** The retry delay. The connection pool itself reconnects more often, and calls are refused until the server is reachable. */
const retryMs = 500;
/** Transient problems of a server, for example during a failover, or while other replicas start and stop. */
const transientProblems: readonly StoreProblem[] = [
  "unreachable",
  "read-only",
  "timed-out",
  "overloaded",
  "unknown-outcome",
  "contended",
  "queue-full",
];

export interface WhenReachableOptions {
  readonly clock: { after(delayMs: number, callback: () => void): () => void };
  /** Logs the waits. */
  readonly log?: StartLog | undefined;
}

/**
 * Runs a service's first work on its database. If the server becomes unreachable, retries until it is reachable again, as for the first connection:
 * a failover at that moment must not end the service. `work` may run more than once. A database of one process fails at once.
 */
export async function whenReachable<T>(
  database: Database,
  work: () => Promise<T>,
  { clock, log }: WhenReachableOptions,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isTransient = error instanceof StoreUnavailableError && transientProblems.includes(error.problem);
      if (!isTransient || database.isShared !== true) {
        throw error;
      }
      log?.warn({ waitMs: retryMs, error: error.message }, "waiting for the database before the service starts");
      await new Promise<void>((resolve) => clock.after(retryMs, resolve));
    }
  }
}
