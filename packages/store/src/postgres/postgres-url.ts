import { readFileSync } from "node:fs";
import { DatabaseUrlError } from "../store-errors.ts";
import type { PostgresTarget } from "./postgres-connection.ts";

/** A parsed PostgreSQL URL. */
export interface PostgresUrl {
  readonly kind: "postgres";
  readonly target: PostgresTarget;
  readonly connectionsMax: number;
}

const expected = "expected postgres://user:password@host:5432/database";
const portDefault = 5432;
/** The connections of a process: two for reads, the rest for transactions. A server allows 100 by default, for all replicas of all services. */
const connectionsDefault = 10;
const connectTimeoutDefaultMs = 5_000;
const statementTimeoutDefaultMs = 10_000;
const lockTimeoutDefaultMs = 5_000;

const sslModes = ["disable", "require", "verify-ca", "verify-full"];
const known = [
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "application_name",
  "options",
  "connections_max",
  "connect_timeout_ms",
  "statement_timeout_ms",
  "lock_timeout_ms",
];

/** Parses `postgres://user:password@host:port/database?parameters`. Throws {@link DatabaseUrlError}, which never contains the password. */
export function parsePostgresUrl(text: string): PostgresUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new DatabaseUrlError(
      `The PostgreSQL URL is invalid: ${expected}. In user and password write "@", ":", "/" and "%" as %40, %3A, %2F and %25.`,
    );
  }
  const database = decoded(url.pathname.slice(1), "database");
  if (database === "") {
    throw new DatabaseUrlError(`The PostgreSQL URL names no database: ${expected}.`);
  }
  if (database.includes("/")) {
    throw new DatabaseUrlError(
      `The PostgreSQL URL names the database "${database}", which contains a "/": ${expected}.`,
    );
  }
  if (url.hostname === "") {
    throw new DatabaseUrlError(`The PostgreSQL URL names no host: ${expected}.`);
  }
  if (url.username === "") {
    throw new DatabaseUrlError(`The PostgreSQL URL names no user: ${expected}.`);
  }
  for (const name of url.searchParams.keys()) {
    if (!known.includes(name)) {
      throw new DatabaseUrlError(
        `The PostgreSQL URL has the unknown parameter "${name}": allowed are ${known.join(", ")}.`,
      );
    }
  }
  const whole = (name: string, { byDefault, max }: { readonly byDefault: number; readonly max: number }) =>
    wholeNumber(url.searchParams.get(name), { name, byDefault, max });
  // A URL encloses an IPv6 address in brackets.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    kind: "postgres",
    connectionsMax: whole("connections_max", { byDefault: connectionsDefault, max: 1_000 }),
    target: {
      host,
      port: url.port === "" ? portDefault : Number(url.port),
      user: decoded(url.username, "user"),
      password: url.password === "" ? undefined : decoded(url.password, "password"),
      database,
      ssl: sslOf(url.searchParams, host),
      applicationName: url.searchParams.get("application_name") ?? "parley",
      options: url.searchParams.get("options") ?? undefined,
      connectTimeoutMs: whole("connect_timeout_ms", { byDefault: connectTimeoutDefaultMs, max: 60_000 }),
      statementTimeoutMs: whole("statement_timeout_ms", { byDefault: statementTimeoutDefaultMs, max: 3_600_000 }),
      lockTimeoutMs: whole("lock_timeout_ms", { byDefault: lockTimeoutDefaultMs, max: 3_600_000 }),
    },
  };
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError(
      `The ${what} of the PostgreSQL URL holds a "%" without two hexadecimal digits: write %25.`,
    );
  }
}

function wholeNumber(
  text: string | null,
  { name, byDefault, max }: { readonly name: string; readonly byDefault: number; readonly max: number },
): number {
  if (text === null) {
    return byDefault;
  }
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > max) {
    throw new DatabaseUrlError(
      `${name} of the PostgreSQL URL must be a whole number from 1 to ${max}, and is "${text}".`,
    );
  }
  return number;
}

/** TLS options, with libpq's parameter names (https://www.postgresql.org/docs/current/libpq-ssl.html). */
function sslOf(parameters: URLSearchParams, host: string): PostgresTarget["ssl"] {
  const mode = parameters.get("sslmode") ?? (parameters.has("sslrootcert") ? "verify-full" : "disable");
  if (!sslModes.includes(mode)) {
    const fallback =
      mode === "prefer" || mode === "allow"
        ? ' A connection that may fall back to cleartext protects nothing: write "require" or "disable".'
        : "";
    throw new DatabaseUrlError(
      `sslmode of the PostgreSQL URL must be one of ${sslModes.join(", ")}, and is "${mode}".${fallback}`,
    );
  }
  if (mode === "disable") {
    return false;
  }
  const ca = pemOf(parameters, "sslrootcert");
  const cert = pemOf(parameters, "sslcert");
  const key = pemOf(parameters, "sslkey");
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    servername: host,
    rejectUnauthorized: mode !== "require",
    ...(mode === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
  };
}

function pemOf(parameters: URLSearchParams, name: string): string | undefined {
  const path = parameters.get(name);
  if (path === null) {
    return undefined;
  }
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const mistake = new DatabaseUrlError(`${name} of the PostgreSQL URL: the file ${path} cannot be read.`);
    throw Object.assign(mistake, { cause });
  }
}
