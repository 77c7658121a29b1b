import { type PostgresUrl, parsePostgresUrl } from "./postgres/postgres-url.ts";
import { DatabaseUrlError } from "./store-errors.ts";

/** A parsed database URL. */
export type DatabaseUrl =
  | { readonly kind: "sqlite-file"; readonly path: string }
  | { readonly kind: "sqlite-memory" }
  | PostgresUrl;

const expected = "expected sqlite:./path/to/file.db, sqlite::memory: or postgres://user:password@host:5432/database";

/**
 * The URL of a database file. The path may contain any character: those with a meaning in a URL are percent-encoded. {@link parseDatabaseUrl} is
 * the inverse.
 */
export function sqliteUrl(path: string): string {
  return `sqlite:${path.replaceAll(/[%?#]/g, encodeURIComponent)}`;
}

/**
 * Parses a database URL: `sqlite:<path>`, relative to the working directory or absolute, `sqlite::memory:`, or `postgres://…`. In a path `%23`
 * stands for `#`, `%3F` for `?` and `%25` for `%` (RFC 3986, section 2.1). Throws {@link DatabaseUrlError}, which lists the accepted forms. The
 * message never contains a URL with a password.
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
  // Other tools write absolute paths as sqlite:///absolute/path.
  const path = decoded(rest.startsWith("///") ? rest.slice(2) : rest);
  if (path.startsWith("//")) {
    throw new DatabaseUrlError(`A sqlite URL names a file on this machine, not a host: ${expected}.`);
  }
  if (path === "" || path.endsWith("/") || path.includes("\0")) {
    throw new DatabaseUrlError(`The sqlite URL names no file: ${expected}.`);
  }
  // SQLite treats names with these prefixes specially (sqlite.org/c3ref/open.html). Here they are file names.
  return { kind: "sqlite-file", path: /^(:|file:)/i.test(path) ? `./${path}` : path };
}

/** Decodes percent-encoded bytes (RFC 3986, section 2.1). A "%" without two hexadecimal digits is kept as it is. */
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
