/** A value that a column can hold. Whole numbers come back as `number`, or as `bigint` beyond 2^53. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** A row, by column name. */
export type Row = Record<string, SqlValue>;

/**
 * What can be read. Statements keep to the SQL that SQLite and PostgreSQL share, so that the URL alone decides between them:
 *
 * - `?` for each parameter, never a literal from outside; no `?` in a string or a comment.
 * - Types TEXT, INTEGER (32 bits), BIGINT, DOUBLE PRECISION; times are BIGINT milliseconds; truth is INTEGER 0 or 1.
 *   Bytes are `BLOB`, and numbers that count up by themselves `INTEGER PRIMARY KEY AUTOINCREMENT`: a PostgreSQL store
 *   translates these two words of a migration, and no others.
 * - `INSERT ... ON CONFLICT (columns) DO NOTHING | DO UPDATE`, `RETURNING`, `WITH`, `EXISTS`, `LIMIT`, `COALESCE`, `CASE`,
 *   row values `(a, b) > (?, ?)`, partial indexes, `CHECK`, `UNIQUE`, foreign keys. Names without quotes, in lower case.
 * - Not `INSERT OR ...`, `rowid`, `PRAGMA`, `SERIAL`, `ILIKE`, arrays, `now()`: the time is a parameter.
 * - `RETURNING` gives no whole numbers beyond 2^53: the statement fails instead.
 * - A statement that fails ends its transaction, even if the error is caught: nothing of the transaction is kept.
 */
export interface Reader {
  /** All rows that the statement finds. */
  all<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R[]>;
  /** The first row, or undefined where there is none. */
  get<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R | undefined>;
}

/** A transaction under way. Wait for nothing but its own statements inside it: no network, no timer. */
export interface Transaction extends Reader {
  /** Executes a statement; the number of rows that it changed. */
  run(sql: string, ...parameters: readonly SqlValue[]): Promise<number>;
  /**
   * Leaves an item to work that transactions which share a commit do together: once, just before the commit, with the items of all of
   * them in order. What is left by a transaction that is rolled back is forgotten. If the work fails, every transaction of the commit is
   * rolled back and run again in a commit of its own, so that only the one whose item is bad fails.
   */
  beforeCommit<T>(work: SharedWork<T>, item: T): void;
  /** Calls back after the transaction is durable, before `transaction` answers. Not called when it is rolled back. */
  onCommit(callback: () => void): void;
}

/** Work that transactions do together. The same function is the same work. */
export type SharedWork<T> = (transaction: Transaction, items: readonly T[]) => Promise<void>;

/** A service's database. Reads outside a transaction see only what is durable. */
export interface Database extends Reader {
  /**
   * Runs `work` as one serializable transaction and resolves with its answer once it is durable. If `work` throws,
   * nothing of it is kept and the error is passed on. Transactions that wait at the same time may share one commit. `work` may run more
   * than once: only its statements may have an effect.
   *
   * Throws {@link ConstraintError} where a statement breaks a rule of the schema, {@link StoreUnavailableError} where the
   * database cannot do its work, {@link TransactionStuckError} where `work` waits for something other than its statements.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
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
