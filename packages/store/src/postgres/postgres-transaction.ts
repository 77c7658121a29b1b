import type {
  NumberedInsert,
  Row,
  RowInsert,
  SentStatement,
  SetTransaction,
  SharedWork,
  SqlColumn,
  SqlValue,
  Transaction,
} from "../database.ts";
import {
  RowsMissingError,
  RunAgainError,
  StoreError,
  StoreUnavailableError,
  TransactionEndedError,
  TransactionStuckError,
} from "../store-errors.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { fromPostgres, sqlStateOf } from "./postgres-errors.ts";
import { numberedInsert } from "./statements/numbered-insert.ts";
import { type PostgresParameter, type PostgresResult, postgresStatement } from "./statements/postgres-sql.ts";
import { requiringRows, rowsMissing } from "./statements/required-rows.ts";
import { type ColumnTypes, unnestInsert } from "./statements/unnest-insert.ts";

/**
 * The event-loop ticks for which a body may execute no statement. A body that awaits only its own statements sends the next one in the tick of the
 * response.
 */
const idleTurnsMax = 8;

/** An item that a transaction queued for shared work before its commit. */
export interface QueuedItem {
  readonly work: SharedWork<unknown>;
  readonly item: unknown;
}

/** An open transaction on a connection of its own. */
export class PostgresTransaction implements Transaction, SetTransaction {
  readonly isShared = true;
  readonly #connection: PostgresConnection;
  readonly #columnTypes: ColumnTypes;
  readonly #callbacks: (() => void)[] = [];
  readonly #sent: Promise<void>[] = [];
  #queued: QueuedItem[] = [];
  #state: "running" | "failed" | "ended" = "running";
  #failure: unknown;
  #inFlight = 0;
  #idleTurns = 0;
  #watch: NodeJS.Immediate | undefined;
  #stuck: (error: Error) => void = () => {};
  #hasWritten = false;

  constructor(connection: PostgresConnection, columnTypes: ColumnTypes) {
    this.#connection = connection;
    this.#columnTypes = columnTypes;
  }

  /** Whether a statement changed rows, or may have. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** Why a statement failed. Undefined if none did. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Runs a body, and then its queued shared work. Rejects with the body's error, or with that of a failed statement. */
  async perform<T>(body: (transaction: this) => Promise<T>): Promise<T> {
    const { promise: stuck, reject } = Promise.withResolvers<never>();
    stuck.catch(() => {});
    this.#stuck = reject;
    this.#watchIdle();
    try {
      const answer = await Promise.race([body(this), stuck]);
      while (this.#queued.length > 0) {
        const groups = Map.groupBy(this.#queued, ({ work }) => work);
        this.#queued = [];
        for (const [work, items] of groups) {
          const done = work(
            this,
            items.map(({ item }) => item),
          );
          await Promise.race([done, stuck]);
        }
      }
      if (this.#state === "failed") {
        // The body caught the error of a failed statement: PostgreSQL has aborted the transaction already.
        throw this.#failure;
      }
      return answer;
    } finally {
      this.#state = "ended";
      clearImmediate(this.#watch);
    }
  }

  /** Runs the commit callbacks: the transaction is durable. */
  async committed(): Promise<void> {
    await Promise.all(this.#sent);
    for (const callback of this.#callbacks) {
      try {
        callback();
      } catch (error) {
        // An error in a callback does not affect the durable transaction. It is reported as an uncaught exception.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  async all<R extends object = Row>(sql: string, ...parameters: readonly (SqlValue | SqlColumn)[]): Promise<R[]> {
    return (await this.#execute(sql, parameters)).rows as R[];
  }

  async get<R extends object = Row>(
    sql: string,
    ...parameters: readonly (SqlValue | SqlColumn)[]
  ): Promise<R | undefined> {
    return (await this.#execute(sql, parameters)).rows[0] as R | undefined;
  }

  async run(sql: string, ...parameters: readonly (SqlValue | SqlColumn)[]): Promise<number> {
    return (await this.#execute(sql, parameters)).count;
  }

  async insertRows(insert: RowInsert): Promise<number> {
    const { sql, columns } = unnestInsert(insert, this.#columnTypes);
    return (await this.#execute(sql, columns)).count;
  }

  insertNumbered(insert: NumberedInsert): void {
    const rowsOf = this.send<{ before: number }>(numberedInsert(insert, this.#columnTypes));
    this.onCommit(() => {
      let before: number | undefined;
      try {
        before = rowsOf()[0]?.before;
      } catch {
        // The result is lost, and the commit took effect.
      }
      insert.onDurable?.(before);
    });
  }

  send<R extends object = Row>(statement: SentStatement): () => readonly R[] {
    const { sql, parameters, rowCount } = statement;
    let rows: readonly R[] | undefined;
    const result =
      rowCount === undefined
        ? this.#execute(sql, parameters, statement)
        : this.#execute(requiringRows(sql), [...parameters, rowCount], statement);
    const sent = result.then(
      (result) => {
        rows = result.rows as R[];
      },
      // A failed statement makes COMMIT roll back: the transaction fails with it then.
      () => {},
    );
    this.#sent.push(sent);
    return () => {
      if (rows === undefined) {
        throw new StoreUnavailableError(
          "unknown-outcome",
          "The connection was lost during COMMIT, which took effect, and a statement's result was lost with it.",
        );
      }
      return rows;
    };
  }

  async now(): Promise<number> {
    const row = await this.get<{ now: number }>(nowSql);
    return row?.now ?? Number.NaN;
  }

  beforeCommit<T>(work: SharedWork<T>, item: T): void {
    if (this.#state === "ended") {
      throw ended();
    }
    this.#queued.push({ work: work as SharedWork<unknown>, item });
  }

  onCommit(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  async #execute(
    sql: string,
    parameters: readonly PostgresParameter[],
    { runAgainIfTaken = false, rowCount }: Pick<SentStatement, "runAgainIfTaken" | "rowCount"> = {},
  ): Promise<PostgresResult> {
    if (this.#state === "ended") {
      throw ended();
    }
    if (this.#state === "failed") {
      throw this.#failure;
    }
    const statement = postgresStatement(sql);
    this.#hasWritten ||= !statement.isRead;
    this.#inFlight++;
    try {
      const result = await this.#connection.executeGrouped(statement, parameters);
      if (statement.isReturning) {
        refuseBigInts(result.rows);
      }
      return result;
    } catch (cause) {
      const state = sqlStateOf(cause);
      let error = cause;
      if (runAgainIfTaken && state === uniqueViolation) {
        error = takenBefore(cause);
      } else if (rowCount !== undefined && state === rowsMissing) {
        error = new RowsMissingError(`The statement did not return ${rowCount} rows.`, { cause });
      }
      this.#failure ??= error;
      if (this.#state === "running") {
        this.#state = "failed";
      }
      throw fromPostgres(error);
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) {
        this.#watchIdle();
      }
    }
  }

  /** Checks on each event-loop tick whether the body executes a statement. */
  #watchIdle(): void {
    this.#idleTurns = 0;
    this.#watch ??= setImmediate(this.#checkIdle);
  }

  readonly #checkIdle = (): void => {
    this.#watch = undefined;
    if (this.#inFlight > 0 || this.#state === "ended") {
      return;
    }
    this.#idleTurns++;
    if (this.#idleTurns <= idleTurnsMax) {
      this.#watch = setImmediate(this.#checkIdle);
      return;
    }
    this.#state = "ended";
    this.#stuck(
      new TransactionStuckError(
        "The body of a transaction awaited something other than its own statements. It must not await network calls, timers or files.",
      ),
    );
  };
}

const nowSql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now";

/** SQLSTATE unique_violation. */
const uniqueViolation = "23505";

function takenBefore(cause: unknown): RunAgainError {
  return Object.assign(new RunAgainError("Another transaction inserted a row with the same key at the same time."), {
    cause,
  });
}

/** SQLite cannot return such integers from RETURNING, so no store does. */
function refuseBigInts(rows: readonly object[]): void {
  for (const row of rows) {
    if (Object.values(row).some((value) => typeof value === "bigint")) {
      throw new StoreError("RETURNING cannot return integers beyond 2^53: read them with a separate SELECT.");
    }
  }
}

function ended(): TransactionEndedError {
  return new TransactionEndedError("The transaction has ended: a promise in its body was not awaited.");
}
