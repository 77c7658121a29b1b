import { type PostgresUrl, parsePostgresUrl } from "./postgres/postgres-url.ts";
import { DatabaseUrlError } from "./store-errors.ts";

/** Which database to open. */
export type DatabaseUrl =
  | { readonly kind: "sqlite-file"; readonly path: string }
  | { readonly kind: "sqlite-memory" }
  | PostgresUrl;

const expected = "expected sqlite:./path/to/file.db, sqlite::memory: or postgres://user:password@host:5432/database";

/**
 * The URL of a database file, at a path that may hold any character: what a URL would read as something else is
 * percent-encoded. {@link parseDatabaseUrl} gives the path back.
 */
export function sqliteUrl(path: string): string {
  return `sqlite:${path.replaceAll(/[%?#]/g, encodeURIComponent)}`;
}

/**
 * Reads a database URL: `sqlite:<path>`, relative to the working directory or absolute, `sqlite::memory:`, or `postgres://…`. In a path `%23`
 * stands for `#`, `%3F` for `?` and `%25` for `%` (RFC 3986, section 2.1). Throws {@link DatabaseUrlError} with what was
 * expected. Never repeats a URL with a password in it.
 */
export function parseDatabaseUrl(url: string): DatabaseUrl {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw new DatabaseUrlError(`The database URL has no scheme: ${expected}.`);
  }
  if (scheme === "postgres" || scheme === "postgresql") {
    return parsePostgresUrl(url);
  }
  if (scheme !== "sqlite") {
    throw new DatabaseUrlError(`The database URL has the unknown scheme "${scheme}": ${expected}.`);
  }
  return parseSqlite(url.slice("sqlite:".length));
}

function parseSqlite(rest: string): DatabaseUrl {
  if (rest === ":memory:") {
    return { kind: "sqlite-memory" };
  }
  const special = /[?#]/.exec(rest)?.[0];
  if (special !== undefined) {
    throw new DatabaseUrlError(
      `A sqlite URL takes no parameters. For a "${special}" in the path write "${encodeURIComponent(special)}": ${expected}.`,
    );
  }
  // sqlite:///absolute/path is how other tools write it.
  const path = decoded(rest.startsWith("///") ? rest.slice(2) : rest);
  if (path.startsWith("//")) {
    throw new DatabaseUrlError(`A sqlite URL names a file on this machine, not a host: ${expected}.`);
  }
  if (path === "" || path.endsWith("/") || path.includes("\0")) {
    throw new DatabaseUrlError(`The sqlite URL names no file: ${expected}.`);
  }
  // SQLite gives these beginnings a meaning of their own (sqlite.org/c3ref/open.html), and a file is meant.
  return { kind: "sqlite-file", path: /^(:|file:)/i.test(path) ? `./${path}` : path };
}

/** Percent-encoded bytes become characters (RFC 3986, section 2.1). A "%" without two hexadecimal digits stands for itself. */
function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch (cause) {
      throw Object.assign(
        new DatabaseUrlError(`The sqlite URL holds "${bytes}", which is not UTF-8. For a "%" in the path write "%25".`),
        { cause },
      );
    }
  });
}
