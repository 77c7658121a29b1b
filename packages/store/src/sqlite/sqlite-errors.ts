import { ConstraintError, type ConstraintKind, type StoreProblem, StoreUnavailableError } from "../store-errors.ts";

/** Maps SQLite errors to store errors (https://www.sqlite.org/rescode.html). Returns other errors as they are. */
export function fromSqlite(error: unknown): unknown {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") {
    return error;
  }
  // The low byte is the primary result code. The other bits extend it.
  const primary = error.errcode & 0xff;
  if (primary === sqliteConstraint) {
    return new ConstraintError(constraintKinds[error.errcode] ?? "other", error.message, {
      columns: constraintColumns(error.message),
      cause: error,
    });
  }
  const problem = problems[primary];
  return problem === undefined
    ? error
    : new StoreUnavailableError(problem, `${sentences[problem]} (SQLite: ${error.message})`, { cause: error });
}

const sqliteConstraint = 19;

const constraintKinds: Readonly<Record<number, ConstraintKind>> = {
  275: "check",
  787: "foreign-key",
  1299: "not-null",
  1555: "unique",
  2067: "unique",
  2579: "unique",
};

const problems: Readonly<Record<number, StoreProblem>> = {
  5: "locked",
  6: "locked",
  7: "out-of-memory",
  8: "read-only",
  10: "io",
  11: "corrupt",
  13: "disk-full",
  14: "cannot-open",
  26: "corrupt",
};

const sentences: Readonly<Partial<Record<StoreProblem, string>>> = {
  "disk-full": "The disk that holds the database is full.",
  "read-only": "The database cannot be written to: the file or its folder is read-only.",
  corrupt: "The database file is damaged, or is not a database.",
  locked: "The database is locked by another process.",
  io: "Reading or writing the database file failed.",
  "cannot-open": "The database file cannot be opened.",
  "out-of-memory": "The database ran out of memory.",
  closed: "The database is closed.",
  "queue-full": "Too many transactions are waiting.",
};

function constraintColumns(message: string): readonly string[] {
  const list = /constraint failed: (\w+\.\w+(?:, \w+\.\w+)*)/.exec(message)?.[1];
  return list === undefined ? [] : list.split(", ");
}
