import {
  ConstraintError,
  type ConstraintKind,
  DatabaseUrlError,
  RunAgainError,
  type StoreProblem,
  StoreUnavailableError,
} from "../store-errors.ts";

/** The connection was lost, or could not be opened. A statement in flight may have been executed. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** How the store handles a PostgreSQL error (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
export type PostgresFailure =
  /** The transaction was rolled back, and may succeed when it is retried. */
  | "run-again"
  /** The connection is unusable, and others probably are too: the server stopped or became a standby. */
  | "renew-connections"
  /** Retrying does not help. */
  | "permanent";

/** Classifies an error. */
export function failureOf(error: unknown): PostgresFailure {
  if (error instanceof ConnectionLostError) {
    return "renew-connections";
  }
  if (error instanceof RunAgainError) {
    return "run-again";
  }
  const state = sqlStateOf(error);
  if (state === undefined) {
    return "permanent";
  }
  if (state === "40001" || state === "40P01") {
    return "run-again";
  }
  const isGone = state === "25006" || state.startsWith("08") || /^57P0[1-5]$/.test(state) || state === "25P03";
  return isGone ? "renew-connections" : "permanent";
}

/** The SQLSTATE of a PostgreSQL error. Undefined for other errors. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string" && "severity" in error) {
    return error.code;
  }
  return undefined;
}

/** Maps PostgreSQL errors to store errors. Returns other errors as they are. */
export function fromPostgres(error: unknown): unknown {
  if (error instanceof ConnectionLostError) {
    return unavailable("unreachable", error);
  }
  const state = sqlStateOf(error);
  if (state === undefined) {
    return error;
  }
  if (state.startsWith("23")) {
    return new ConstraintError(constraintKinds[state] ?? "other", (error as Error).message, {
      columns: constraintColumns(error as PostgresError),
      cause: error,
    });
  }
  const problem = problems[state] ?? problems[state.slice(0, 2)];
  return problem === undefined ? error : unavailable(problem, error as Error);
}

/** The configuration error, if a connection was refused because of one. Waiting does not resolve it. Undefined otherwise. */
export function settingsMistake(error: unknown): DatabaseUrlError | undefined {
  const state = sqlStateOf(error);
  const sentence = state === undefined ? undefined : settingsMistakes[state];
  if (sentence === undefined) {
    return undefined;
  }
  return Object.assign(new DatabaseUrlError(`${sentence} (PostgreSQL: ${(error as Error).message})`), { cause: error });
}

const settingsMistakes: Readonly<Record<string, string>> = {
  "28P01": "The password is wrong.",
  28000: "The server rejects this user from this host: see its pg_hba.conf.",
  "3D000": "The database does not exist: create it first, for example with createdb.",
  "42501": "The user may not use this database: GRANT it CONNECT on the database, and USAGE and CREATE on the schema.",
  "3F000": "The schema does not exist: create it first.",
};

interface PostgresError extends Error {
  readonly table?: string;
  readonly column?: string;
  readonly detail?: string;
}

const constraintKinds: Readonly<Record<string, ConstraintKind>> = {
  23502: "not-null",
  23503: "foreign-key",
  23505: "unique",
  23514: "check",
};

/** Keyed by SQLSTATE, or by its class. */
const problems: Readonly<Record<string, StoreProblem>> = {
  "08": "unreachable",
  25006: "read-only",
  "25P03": "timed-out",
  "40": "contended",
  "53": "overloaded",
  53100: "disk-full",
  53200: "out-of-memory",
  "55P03": "contended",
  57014: "timed-out",
  "57": "unreachable",
  "58": "io",
  XX: "corrupt",
};

const sentences: Readonly<Partial<Record<StoreProblem, string>>> = {
  unreachable: "The PostgreSQL server cannot be reached.",
  "read-only": "The PostgreSQL server is a read-only standby.",
  "timed-out":
    "PostgreSQL did not answer within the time limit (statement_timeout, idle_in_transaction_session_timeout).",
  contended: "The transaction conflicted with others: a deadlock, a lock timeout or a serialization failure.",
  overloaded: "The PostgreSQL server has reached a limit, such as max_connections.",
  "disk-full": "The disk of the PostgreSQL server is full.",
  "out-of-memory": "The PostgreSQL server ran out of memory.",
  io: "The PostgreSQL server could not read or write its files.",
  corrupt: "The PostgreSQL server reports corrupted data or an internal error.",
};

function unavailable(problem: StoreProblem, cause: Error): StoreUnavailableError {
  return new StoreUnavailableError(problem, `${sentences[problem]} (${cause.message})`, { cause });
}

function constraintColumns({ table, column, detail }: PostgresError): readonly string[] {
  if (table === undefined) {
    return [];
  }
  // For example: Key (user_id, request_id)=(1, x) already exists.
  const list = column ?? /^Key \(([^)]+)\)=/.exec(detail ?? "")?.[1];
  return list === undefined ? [] : list.split(", ").map((name) => `${table}.${name}`);
}
