/** The base of what a store throws. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
}

/** The database cannot do its work now: disk full, file read-only or damaged, locked by another process, closed, overloaded. */
export class StoreUnavailableError extends StoreError {
  override readonly name = "StoreUnavailableError";
  /** What is wrong, for a program to tell apart. */
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

/** A statement broke a rule of the schema. */
export class ConstraintError extends StoreError {
  override readonly name = "ConstraintError";
  readonly kind: ConstraintKind;
  /** The columns that the rule is about, as `table.column`, where the database tells them. */
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

/** The body of a transaction waited for something other than its own statements; it was rolled back. A bug in the body. */
export class TransactionStuckError extends StoreError {
  override readonly name = "TransactionStuckError";
}

/** A statement came after its transaction had ended. A bug in the body: a promise in it was not awaited. */
export class TransactionEndedError extends StoreError {
  override readonly name = "TransactionEndedError";
}

/**
 * A body found that another transaction came between what it read and what it wrote. Nothing of it is kept, and it is run again; after
 * many times the caller gets it as `contended`.
 */
export class RunAgainError extends StoreUnavailableError {
  constructor(message: string) {
    super("contended", message);
  }
}

/** A database URL that cannot be understood. */
export class DatabaseUrlError extends StoreError {
  override readonly name = "DatabaseUrlError";
  /** The environment variable that is wrong: a service ends with exit code 2 and the message alone. */
  readonly setting = "DATABASE_URL";
}

/** The schema's history in the database and in the program do not go together. */
export class MigrationError extends StoreError {
  override readonly name = "MigrationError";
}
