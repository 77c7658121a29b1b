/** A value that a column can hold. Whole numbers come back as `number`, or as `bigint` beyond 2^53. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** A row, by column name. */
export type Row = Record<string, SqlValue>;

/** What can be read. Statements write `?` for each parameter and keep to the SQL that SQLite and PostgreSQL share. */
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
  /** Calls back after the transaction is durable, before `transaction` answers. Not called when it is rolled back. */
  onCommit(callback: () => void): void;
}

/** A service's database. Reads outside a transaction see only what is durable. */
export interface Database extends Reader {
  /**
   * Runs `work` as one serializable transaction and resolves with its answer once it is durable. If `work` throws,
   * nothing of it is kept and the error is passed on. Transactions that wait at the same time may share one commit.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Closes the database after what was begun has ended. */
  close(): Promise<void>;
}

/** One step of a schema's history. Steps are applied once each, in order of `id`, each in a transaction. */
export interface Migration {
  /** Number and name, for example `0001-orders`. Sorts by number. */
  readonly id: string;
  /** The statements, separated by semicolons. */
  readonly sql: string;
}
