/** A value that a column can hold. Whole numbers come back as `number`, or as `bigint` beyond 2^53. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** A row, by column name. */
export type Row = Record<string, SqlValue>;

/** A column of values: a parameter of statements that work on many rows at once, `unnest(?::text[])`. PostgreSQL only. */
export type SqlColumn = readonly SqlValue[];

/**
 * What can be read. Statements keep to the SQL that SQLite and PostgreSQL share, so that the URL alone decides between them:
 *
 * - `?` for each parameter, never a literal from outside; no `?` in a string or a comment.
 * - Types TEXT, INTEGER (32 bits), BIGINT, DOUBLE PRECISION; times are BIGINT milliseconds; truth is INTEGER 0 or 1.
 *   Bytes are `BLOB`, numbers that count up by themselves `INTEGER PRIMARY KEY AUTOINCREMENT`, and `INTEGER PRIMARY KEY` has 64 bits: a
 *   PostgreSQL store translates these words of a migration. Text is compared byte by byte.
 * - `INSERT ... ON CONFLICT (columns) DO NOTHING | DO UPDATE`, `RETURNING`, `WITH`, `EXISTS`, `LIMIT`, `COALESCE`, `CASE`,
 *   row values `(a, b) > (?, ?)`, partial indexes, `CHECK`, `UNIQUE`, foreign keys. Names without quotes, in lower case.
 * - `FOR UPDATE` at the end of a SELECT of a transaction locks the rows that it finds. SQLite leaves it out: no other transaction writes meanwhile.
 * - Not `INSERT OR ...`, `rowid`, `PRAGMA`, `SERIAL`, `ILIKE`, arrays, `now()`: the time is a parameter.
 * - `RETURNING` gives no whole numbers beyond 2^53: the statement fails instead.
 * - A statement that fails ends its transaction, even if the error is caught: nothing of the transaction is kept.
 */
export interface Reader {
  /** All rows that the statement finds. */
  all<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R[]>;
  /** The first row, or undefined if there is none. */
  get<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R | undefined>;
}

/** An open transaction. Await nothing but its own statements inside it: no network, no timer. */
export interface Transaction extends Reader {
  /** Executes a statement; the number of rows that it changed. */
  run(sql: string, ...parameters: readonly SqlValue[]): Promise<number>;
  /**
   * Leaves an item to work that transactions which share a commit do together: once, just before the commit, with the items of all of
   * them in order. What is left by a transaction that is rolled back is forgotten. If the work fails, every transaction of the commit is
   * rolled back and run again in a commit of its own, so that only the one whose item is bad fails.
   */
  beforeCommit<T>(work: SharedWork<T>, item: T): void;
  /** Whether other transactions may write while this one runs. Undefined: one writes at a time, and nothing changes meanwhile. */
  readonly isShared?: boolean;
  /** Inserts rows with one statement. Where it is missing, {@link insertRows} makes statements with a list of values. */
  insertRows?(insert: RowInsert): Promise<number>;
  /**
   * The database's time in milliseconds since the Unix epoch, the same for all replicas. Where it is missing, one process alone
   * uses the database, and its own clock is as good.
   */
  now?(): Promise<number>;
  /** Calls back after the transaction is durable, before `transaction` answers. Not called when it is rolled back. */
  onCommit(callback: () => void): void;
}

/** What to insert. */
export interface RowInsert {
  /** Up to the values: `INSERT INTO entries (account_id, note)`. */
  readonly into: string;
  /** The values of each row. All rows have as many. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** What follows the values, for example `ON CONFLICT DO NOTHING`. */
  readonly ending?: string;
}

/** A transaction in which statements take columns of values as parameters. */
export interface SetTransaction extends Transaction {
  all<R extends object = Row>(sql: string, ...parameters: readonly (SqlValue | SqlColumn)[]): Promise<R[]>;
  run(sql: string, ...parameters: readonly (SqlValue | SqlColumn)[]): Promise<number>;
}

/**
 * A unit of work that is asked for often. Both ways come to the same: a store whose commits cross a network does many together, with one
 * statement for each step of all of them, since there a statement costs as much for one row as for fifty.
 */
export interface Command<I, O> {
  readonly name: string;
  /** Does it for one input, as the body of a transaction. What it throws is passed on, and nothing is kept. */
  one(transaction: Transaction, input: I): Promise<O>;
  /**
   * Does it for many inputs, in order, with an outcome for each. A refusal is an outcome and no exception: an exception undoes all of
   * them, and the inputs are tried in halves until the one to blame is alone.
   */
  many(transaction: SetTransaction, inputs: readonly I[]): Promise<readonly Outcome<O>[]>;
}

/** What became of one input. */
export type Outcome<O> = { readonly answer: O } | { readonly refusal: unknown };

/** Work that transactions do together. The same function is the same work. */
export type SharedWork<T> = (transaction: Transaction, items: readonly T[]) => Promise<void>;

/** How to do something. */
export interface CallOptions {
  /** Aborts when the caller no longer waits: work that has not begun then does not begin. */
  readonly signal?: AbortSignal | undefined;
}

/** A service's database. Reads outside a transaction see only what is durable. */
export interface Database extends Reader {
  /**
   * Runs `work` as one transaction and resolves with its answer once it is durable. If `work` throws, nothing of it is kept and the error is
   * passed on. Transactions that wait at the same time may share one commit. `work` may run more than once, after a deadlock or a lost
   * connection: only its statements may have an effect.
   *
   * SQLite runs one transaction after another. PostgreSQL runs them at the same time, at READ COMMITTED: each statement sees what was
   * committed when it began. So what a body decides on it reads with `FOR UPDATE`, or checks again in the statement that writes
   * (`UPDATE ... WHERE version = ?`), or leaves to a unique constraint. Rows are locked in a fixed order: by key.
   *
   * Throws {@link ConstraintError} if a statement breaks a rule of the schema, {@link StoreUnavailableError} where the
   * database cannot do its work, {@link TransactionStuckError} where `work` waits for something other than its statements.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: CallOptions): Promise<T>;
  /** Whether other processes may write to the database. Undefined: this process has it to itself. */
  readonly isShared?: boolean;
  /** Runs a command, together with others of its kind that wait. Where it is missing, {@link execute} runs each in a transaction of its own. */
  execute?<I, O>(command: Command<I, O>, input: I, options?: CallOptions): Promise<O>;
  /** Calls back when the database cannot be reached any more, with the problem, and with undefined when it can be again. */
  onReachable?(callback: (problem: Error | undefined) => void): () => void;
  /** Closes the database after what was begun has ended. What comes later is refused. */
  close(): Promise<void>;
}

/** One step of a schema's history. Steps are applied once each, in order of `id`, each in a transaction. */
export interface Migration {
  /**
   * Number and name, for example `0001-orders`, and before them the set that it belongs to unless it is the service's own:
   * `events/0001-outbox`. Sorts by set, the service's own first, then by number. A number is used once in a set.
   */
  readonly id: string;
  /** The statements, separated by semicolons. Never changed once released: a changed step is refused. */
  readonly sql: string;
}
