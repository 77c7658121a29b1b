/** The base class of store errors. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
}

/** The database is unavailable: disk full, file read-only or damaged, locked by another process, closed, overloaded. */
export class StoreUnavailableError extends StoreError {
  override readonly name = "StoreUnavailableError";
  /** The problem as a code. */
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

export type StoreProblem =
  | "disk-full"
  | "read-only"
  | "corrupt"
  | "locked"
  | "io"
  | "cannot-open"
  | "out-of-memory"
  | "closed"
  | "queue-full"
  | "unreachable"
  | "timed-out"
  | "contended"
  | "overloaded"
  | "unknown-outcome";

/** A statement violated a constraint of the schema. */
export class ConstraintError extends StoreError {
  override readonly name = "ConstraintError";
  readonly kind: ConstraintKind;
  /** The columns of the constraint, as `table.column`, if the database reports them. */
  readonly columns: readonly string[];

  constructor(
    kind: ConstraintKind,
    message: string,
    options: { readonly columns?: readonly string[]; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.columns = options.columns ?? [];
  }
}

export type ConstraintKind = "unique" | "foreign-key" | "not-null" | "check" | "other";

/** The body of a transaction awaited something other than its own statements. The transaction was rolled back. This is a bug in the body. */
export class TransactionStuckError extends StoreError {
  override readonly name = "TransactionStuckError";
}

/** A statement was executed after its transaction had ended. This is a bug in the body: it did not await a promise. */
export class TransactionEndedError extends StoreError {
  override readonly name = "TransactionEndedError";
}

/**
 * A body detected that another transaction changed data between its read and its write. The transaction is rolled back and run again. After too
 * many attempts the caller gets this error as `contended`.
 */
export class RunAgainError extends StoreUnavailableError {
  constructor(message: string) {
    super("contended", message);
  }
}

/** A statement did not return as many rows as it had to ({@link SentStatement.rowCount}). The transaction was rolled back. */
export class RowsMissingError extends StoreError {
  override readonly name = "RowsMissingError";
}

/** An invalid database URL. */
export class DatabaseUrlError extends StoreError {
  override readonly name = "DatabaseUrlError";
  /** The environment variable at fault: a service exits with code 2 and prints only the message. */
  readonly setting = "DATABASE_URL";
}

/** The migrations in the database and in the program conflict. */
export class MigrationError extends StoreError {
  override readonly name = "MigrationError";
}
