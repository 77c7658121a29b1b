/** A value of a column. Integers are returned as `number`, or as `bigint` beyond 2^53. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** A row, by column name. */
export type Row = Record<string, SqlValue>;

/** An array of values: a parameter of a statement over many rows, `unnest(?::text[])`. PostgreSQL only. */
export type SqlColumn = readonly SqlValue[];

/**
 * Reads. Statements use only the SQL that SQLite and PostgreSQL share, so that only the URL selects the database:
 *
 * - `?` for each parameter. Never put external values into the text; no `?` in a string or a comment.
 * - Types are TEXT, INTEGER (32 bits), BIGINT and DOUBLE PRECISION. Times are BIGINT milliseconds. Booleans are INTEGER 0 or 1. Bytes are `BLOB`,
 *   auto-increment columns are `INTEGER PRIMARY KEY AUTOINCREMENT`, and `INTEGER PRIMARY KEY` has 64 bits: a PostgreSQL store translates these
 *   words of a migration. Text is compared byte by byte.
 * - `INSERT ... ON CONFLICT (columns) DO NOTHING | DO UPDATE`, `RETURNING`, `WITH`, `EXISTS`, `LIMIT`, `COALESCE`, `CASE`, row values `(a, b) > (?,
 *   ?)`, partial indexes, `CHECK`, `UNIQUE`, foreign keys. Unquoted names in lower case.
 * - `FOR UPDATE` at the end of a SELECT in a transaction locks the selected rows. SQLite omits it, because it runs one write transaction at a time.
 * - Not `INSERT OR ...`, `rowid`, `PRAGMA`, `SERIAL`, `ILIKE`, arrays, `now()`: the time is a parameter.
 * - `RETURNING` cannot return integers beyond 2^53: the statement fails.
 * - A failed statement aborts its transaction, even if the body catches the error: the transaction is rolled back.
 */
export interface Reader {
  /** Returns all rows of the result. */
  all<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R[]>;
  /** Returns the first row, or undefined if there is none. */
  get<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R | undefined>;
}

/** An open transaction. Await only its own statements inside it: no network, no timer. */
export interface Transaction extends Reader {
  /** Executes a statement. Returns the number of changed rows. */
  run(sql: string, ...parameters: readonly SqlValue[]): Promise<number>;
  /**
   * Queues an item for work that runs once, just before the commit, with the items of all transactions of that commit, in order. The items of a
   * transaction that is rolled back are dropped. If the work fails, every transaction of the commit is rolled back and run again in a commit of its
   * own, so that only the transaction with the bad item fails.
   */
  beforeCommit<T>(work: SharedWork<T>, item: T): void;
  /** Whether other transactions may write while this one runs. Undefined: write transactions run one at a time. */
  readonly isShared?: boolean;
  /** Inserts rows with one statement. If it is undefined, {@link insertRows} generates statements with a VALUES list. */
  insertRows?(insert: RowInsert): Promise<number>;
  /**
   * Inserts rows with sequence numbers, as {@link insertNumbered} describes, with one statement that the commit follows at once. If it is undefined,
   * {@link insertNumbered} generates several statements.
   */
  insertNumbered?(insert: NumberedInsert): void;
  /**
   * The database's time in milliseconds since the Unix epoch, the same for all replicas. Undefined if only one process uses the database: that
   * process's clock suffices.
   */
  now?(): Promise<number>;
  /** Registers a callback that runs after the transaction is durable and before `transaction` resolves. It does not run after a rollback. */
  onCommit(callback: () => void): void;
}

/** The parts of an INSERT of many rows. */
export interface RowInsert {
  /** The statement before VALUES: `INSERT INTO entries (account_id, note)`. */
  readonly into: string;
  /** The values of each row. All rows have the same length. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** The statement after the values, for example `ON CONFLICT DO NOTHING`. */
  readonly ending?: string;
}

/** Rows with numbers that a table with a single row issues: its columns are `single` and `last_sequence`. */
export interface NumberedInsert {
  /** The table that issues the numbers. */
  readonly head: string;
  /** How many numbers to take. */
  readonly count: number;
  /** Inserts whose first column is the number: each row has there its place among the taken numbers, from 1 on. */
  readonly inserts: readonly RowInsert[];
  /**
   * Called when the rows are durable, with the number before the first. Undefined if that is unknown: the connection was lost during a commit that
   * took effect.
   */
  readonly onDurable?: (before: number | undefined) => void;
}

/** A transaction whose statements accept arrays as parameters. */
export interface SetTransaction extends Transaction {
  all<R extends object = Row>(sql: string, ...parameters: readonly (SqlValue | SqlColumn)[]): Promise<R[]>;
  run(sql: string, ...parameters: readonly (SqlValue | SqlColumn)[]): Promise<number>;
  /**
   * Sends a statement whose result the transaction does not depend on: the commit is sent in the same write, without a round trip in between. If the
   * statement fails, the transaction is rolled back. Returns a function for its rows, to be called once the transaction is durable. That throws {@link
   * StoreUnavailableError} `unknown-outcome` if the connection was lost during a commit that took effect.
   */
  send<R extends object = Row>(statement: SentStatement): () => readonly R[];
}

/** A statement to send. */
export interface SentStatement {
  readonly sql: string;
  readonly parameters: readonly (SqlValue | SqlColumn)[];
  /** Whether a unique violation means that another transaction was faster, so that this one runs again. Default: it fails. */
  readonly runAgainIfTaken?: boolean;
  /**
   * How many rows the statement, which has RETURNING, must return. With another number the transaction is rolled back with {@link RowsMissingError}. The rows are
   * not available. Default: any number.
   */
  readonly rowCount?: number;
}

/**
 * A frequent unit of work. `one` and `many` have the same effect. A store that commits over a network runs many together, with one statement for
 * each step of all of them: there a statement costs as much for one row as for fifty.
 */
export interface Command<I, O> {
  readonly name: string;
  /** Runs it for one input, as the body of a transaction. An error rolls the transaction back and is passed on. */
  one(transaction: Transaction, input: I): Promise<O>;
  /**
   * Runs it for many inputs, in order, and returns an outcome for each, or a function that does once the transaction is durable. A refusal is an
   * outcome, not an exception: an exception rolls all of them back, and the batch is bisected until the failing input is alone. After {@link
   * RowsMissingError} that input is run by `one`.
   */
  many(
    transaction: SetTransaction,
    inputs: readonly I[],
  ): Promise<readonly Outcome<O>[] | (() => readonly Outcome<O>[])>;
}

/** The result for one input. */
export type Outcome<O> = { readonly answer: O } | { readonly refusal: unknown };

/** Work that transactions of one commit share. It is identified by the function. */
export type SharedWork<T> = (transaction: Transaction, items: readonly T[]) => Promise<void>;

/** Options of a call. */
export interface CallOptions {
  /** Aborts when the caller no longer waits. Work that has not started is then skipped. */
  readonly signal?: AbortSignal | undefined;
}

/** A service's database. Reads outside a transaction see only durable data. */
export interface Database extends Reader {
  /**
   * Runs `work` as one transaction and resolves with its result once it is durable. If `work` throws, the transaction is rolled back and the error
   * is passed on. Concurrent transactions may share one commit. `work` may run more than once, after a deadlock or a lost connection: it must have
   * no effects other than its statements.
   *
   * SQLite runs transactions one at a time. PostgreSQL runs them concurrently, at READ COMMITTED: each statement sees the data committed when it
   * began. So a body reads the rows that it depends on with `FOR UPDATE`, or checks them again in the writing statement (`UPDATE ... WHERE version
   * = ?`), or relies on a unique constraint. Lock rows in a fixed order: by key.
   *
   * Throws {@link ConstraintError} if a statement violates a constraint, {@link StoreUnavailableError} if the database is unavailable, {@link
   * TransactionStuckError} if `work` awaits something other than its statements.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: CallOptions): Promise<T>;
  /** Whether other processes may write to the database. Undefined: only this process uses it. */
  readonly isShared?: boolean;
  /** Runs a command, batched with waiting commands of the same kind. If it is undefined, {@link execute} runs each in its own transaction. */
  execute?<I, O>(command: Command<I, O>, input: I, options?: CallOptions): Promise<O>;
  /** Registers a callback that receives the problem when the database becomes unreachable, and undefined when it is reachable again. */
  onReachable?(callback: (problem: Error | undefined) => void): () => void;
  /** Closes the database after running transactions have ended. New calls are refused. */
  close(): Promise<void>;
}

/** One step of the schema's history. Each step is applied once, in order of `id`, in a transaction. */
export interface Migration {
  /**
   * Number and name, for example `0001-orders`. Steps of another set than the service's own have a prefix: `events/0001-outbox`. Sorted by set, the
   * service's own first, then by number. Numbers are unique within a set.
   */
  readonly id: string;
  /** The statements, separated by semicolons. Do not edit a released step: {@link MigrationError} is thrown if its text has changed. */
  readonly sql: string;
}
