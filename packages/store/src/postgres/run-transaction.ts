import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { RunAgainError, StoreUnavailableError } from "../store-errors.ts";
import { begin, commit, wasCommitted } from "./commit-outcome.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { ConnectionLostError, failureOf, fromPostgres } from "./postgres-errors.ts";
import { PostgresTransaction } from "./postgres-transaction.ts";
import type { ColumnTypes } from "./statements/unnest-insert.ts";

/** The maximum number of attempts of a transaction after deadlocks, serialization failures or lost connections. */
const triesMax = 8;
/** The first retry delay. It doubles with each attempt and has full jitter. */
const retryFirstMs = 5;
const retryLastMs = 500;

/** The dependencies of {@link runTransaction}. */
export interface TransactionContext {
  readonly pool: ConnectionPool;
  readonly columnTypes: ColumnTypes;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether it is retried after a deadlock or a serialization failure. Default: true. */
  readonly runAgain?: boolean;
}

/** Runs a body as one transaction, retries it after deadlocks and serialization failures, and resolves with its result once it is durable. */
export async function runTransaction<T>(
  context: TransactionContext,
  body: (transaction: PostgresTransaction) => Promise<T>,
  { signal, runAgain = true }: RunOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const connection = await context.pool.acquire(signal);
    let error: unknown;
    try {
      return await tryOnce(context, connection, body);
    } catch (cause) {
      error = cause;
    } finally {
      context.pool.release(connection);
    }
    const failure = failureOf(causeOf(error));
    if (failure === "renew-connections") {
      context.pool.renew();
    }
    const isFinal = failure === "permanent" || (failure === "run-again" && !runAgain);
    if (isFinal || attempt >= triesMax || signal?.aborted) {
      throw fromPostgres(error);
    }
    await wait(Math.random() * Math.min(retryFirstMs * 2 ** attempt, retryLastMs));
  }
}

async function tryOnce<T>(
  context: TransactionContext,
  connection: PostgresConnection,
  body: (transaction: PostgresTransaction) => Promise<T>,
): Promise<T> {
  const transaction = new PostgresTransaction(connection, context.columnTypes);
  begin(connection);
  let answer: T;
  try {
    answer = await transaction.perform(body);
  } catch (error) {
    await undo(connection);
    throw error;
  }
  const id = transaction.hasWritten ? randomUUID() : undefined;
  if (!(await committed(context, { connection, transaction, id }))) {
    throw transaction.failure ?? new ConnectionLostError("The connection was lost before the commit took effect.");
  }
  await transaction.committed();
  return answer;
}

/** Rolls back, so that the connection can be reused. */
async function undo(connection: PostgresConnection): Promise<void> {
  if (connection.lost !== undefined) {
    return;
  }
  try {
    await connection.executeText("ROLLBACK");
  } catch (error) {
    connection.destroy(error as Error);
  }
}

/** Commits. If the connection is lost during COMMIT, looks up the outcome over another connection. */
async function committed(
  context: TransactionContext,
  {
    connection,
    transaction,
    id,
  }: {
    readonly connection: PostgresConnection;
    readonly transaction: PostgresTransaction;
    readonly id: string | undefined;
  },
): Promise<boolean> {
  try {
    return await commit(connection, id);
  } catch (error) {
    if (failureOf(error) !== "renew-connections") {
      await undo(connection);
      // The server skipped COMMIT after a statement that was sent with it.
      throw transaction.failure ?? error;
    }
    context.pool.renew();
    // A read-only transaction has no outcome to look up.
    return id === undefined ? false : await settle(context, id, error);
  }
}

/** How long to try to look up an outcome while the server is unreachable. */
const settleForMs = 10_000;
const settleIntervalMs = 200;

async function settle({ pool }: TransactionContext, id: string, cause: unknown): Promise<boolean> {
  const untilMs = performance.now() + settleForMs;
  while (performance.now() < untilMs) {
    let connection: PostgresConnection | undefined;
    try {
      connection = await pool.acquire();
      return await wasCommitted(connection, id);
    } catch (error) {
      if (error instanceof StoreUnavailableError && error.problem === "closed") {
        break;
      }
      await wait(settleIntervalMs);
    } finally {
      if (connection !== undefined) {
        pool.release(connection);
      }
    }
  }
  throw new StoreUnavailableError(
    "unknown-outcome",
    "The connection was lost during COMMIT, and it is not known whether it took effect.",
    {
      cause,
    },
  );
}

/** The PostgreSQL error that is the cause of a store error. */
function causeOf(error: unknown): unknown {
  const isWrapped = error instanceof StoreUnavailableError && !(error instanceof RunAgainError);
  return isWrapped && error.cause !== undefined ? error.cause : error;
}
