import { setTimeout as wait } from "node:timers/promises";
import type { CallOptions, Command, Database, Migration, Row, SqlValue, Transaction } from "../database.ts";
import { StoreError, StoreUnavailableError } from "../store-errors.ts";
import { CommandQueue } from "./command-queue.ts";
import { commitRowsKeptMs, pruneCommits } from "./commit-outcome.ts";
import { connectAtStart, type StartLog } from "./connect-at-start.ts";
import { ConnectionPool } from "./connection-pool.ts";
import type { PostgresConnection, PostgresTarget } from "./postgres-connection.ts";
import { failureOf, fromPostgres } from "./postgres-errors.ts";
import { migratePostgres } from "./postgres-migrations.ts";
import { runTransaction, type TransactionContext } from "./run-transaction.ts";
import { readersMax } from "./shared-connections.ts";
import { postgresStatement } from "./statements/postgres-sql.ts";
import type { ColumnTypes } from "./statements/unnest-insert.ts";

/** The maximum number of attempts of a read whose connection is lost. */
const readTriesMax = 3;

export interface PostgresOptions {
  readonly target: PostgresTarget;
  /** The maximum number of connections. */
  readonly connectionsMax: number;
  readonly migrations: readonly Migration[];
  readonly now: () => number;
  /** Logs the wait for the server. */
  readonly log?: StartLog | undefined;
  /** Stops the wait for the server. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a database on a PostgreSQL server: waits for a server that accepts writes, and migrates the schema. If the server restarts meanwhile, both start
 * again: a migration is one transaction, and those that are applied are skipped.
 */
export async function openPostgres({ target, connectionsMax, ...options }: PostgresOptions): Promise<Database> {
  let columnTypes: ColumnTypes | undefined;
  while (columnTypes === undefined) {
    const connection = await connectAtStart(target, options);
    try {
      await migratePostgres(connection, { migrations: options.migrations, nowMs: options.now() });
      columnTypes = await readColumnTypes(connection);
    } catch (error) {
      const lost = [error, (error as Error).cause].map(fromPostgres).find(isConnectionLost);
      if (lost === undefined) {
        throw fromPostgres(error);
      }
      options.log?.warn({ error: lost.message }, "connection lost during migration, waiting for the PostgreSQL server");
      await wait(lostRetryMs, undefined, { signal: options.signal });
    } finally {
      await connection.close();
    }
  }
  return new PostgresDatabase({ target, columnTypes, writersMax: Math.max(1, connectionsMax - readersMax) });
}

function isConnectionLost(failure: unknown): failure is StoreUnavailableError {
  return failure instanceof StoreUnavailableError && failure.problem === "unreachable";
}

/** A server that restarts ends its connections before it refuses new ones. In milliseconds. */
const lostRetryMs = 200;

/** A PostgreSQL database. Each transaction has its own connection, reads share a few connections, commands are batched. */
class PostgresDatabase implements Database {
  readonly isShared = true;
  readonly #pool: ConnectionPool;
  readonly #context: TransactionContext;
  // Commands are constants of a program, a few dozen, so this needs no limit.
  readonly #commands = new Map<unknown, CommandQueue<never, unknown>>();
  readonly #listeners = new Set<(problem: Error | undefined) => void>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #pruning: NodeJS.Timeout;
  #closed: Promise<void> | undefined;

  constructor({
    target,
    columnTypes,
    writersMax,
  }: {
    readonly target: PostgresTarget;
    readonly columnTypes: ColumnTypes;
    readonly writersMax: number;
  }) {
    this.#pool = new ConnectionPool({
      target,
      writersMax,
      onReachable: (problem) => {
        for (const listener of this.#listeners) {
          listener(problem);
        }
      },
    });
    this.#context = { pool: this.#pool, columnTypes };
    this.#pruning = setInterval(() => void this.#pruneCommits(), commitRowsKeptMs / 4);
    this.#pruning.unref();
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    return this.#begin(() => runTransaction(this.#context, work, { signal }));
  }

  execute<I, O>(command: Command<I, O>, input: I, { signal }: CallOptions = {}): Promise<O> {
    let queue = this.#commands.get(command) as CommandQueue<I, O> | undefined;
    if (queue === undefined) {
      queue = new CommandQueue(this.#context, command);
      this.#commands.set(command, queue as unknown as CommandQueue<never, unknown>);
    }
    const waiting = queue;
    return this.#begin(() => waiting.execute(input, signal));
  }

  async all<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R[]> {
    return (await this.#read(sql, parameters)) as R[];
  }

  async get<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R | undefined> {
    return (await this.#read(sql, parameters))[0] as R | undefined;
  }

  onReachable(callback: (problem: Error | undefined) => void): () => void {
    const listener = (problem: Error | undefined) => callback(problem);
    this.#listeners.add(listener);
    if (this.#pool.problem !== undefined) {
      listener(this.#pool.problem);
    }
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#pruning);
    await Promise.allSettled(this.#underWay);
    await this.#pool.close();
  }

  #begin<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(new StoreUnavailableError("closed", "The database is closed."));
    }
    const ending = work();
    this.#underWay.add(ending);
    const forget = () => this.#underWay.delete(ending);
    ending.then(forget, forget);
    return ending;
  }

  async #read(sql: string, parameters: readonly SqlValue[]): Promise<object[]> {
    const statement = postgresStatement(sql);
    if (!statement.isRead) {
      throw new StoreError("A statement that writes needs a transaction.");
    }
    if (this.#closed !== undefined) {
      throw new StoreUnavailableError("closed", "The database is closed.");
    }
    for (let tries = 1; ; tries++) {
      try {
        const connection = await this.#pool.reader();
        return (await connection.execute(statement, parameters)).rows;
      } catch (error) {
        if (failureOf(error) === "renew-connections") {
          this.#pool.renew();
          if (tries < readTriesMax) {
            continue;
          }
        }
        throw fromPostgres(error);
      }
    }
  }

  async #pruneCommits(): Promise<void> {
    // A failure only delays pruning: the next round deletes these rows too.
    await this.#pool
      .reader()
      .then(pruneCommits)
      .catch(() => {});
  }
}

async function readColumnTypes(connection: PostgresConnection): Promise<ColumnTypes> {
  const { rows } = await connection.execute(
    postgresStatement(
      "SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = current_schema()",
    ),
    [],
  );
  return new Map(
    (rows as { table_name: string; column_name: string; udt_name: string }[]).map((row) => [
      `${row.table_name}.${row.column_name}`,
      row.udt_name,
    ]),
  );
}
