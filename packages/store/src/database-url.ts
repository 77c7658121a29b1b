import { DatabaseUrlError } from "./store-errors.ts";

/** Which database to open. */
export type DatabaseUrl = { readonly kind: "sqlite-file"; readonly path: string } | { readonly kind: "sqlite-memory" };

const expected = "expected sqlite:./path/to/file.db or sqlite::memory:";

/**
 * Reads a database URL: `sqlite:<path>`, relative to the working directory or absolute, or `sqlite::memory:`. Throws
 * {@link DatabaseUrlError} with what was expected. Never repeats a URL with a password in it.
 */
export function parseDatabaseUrl(url: string): DatabaseUrl {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw new DatabaseUrlError(`The database URL has no scheme: ${expected}.`);
  }
  if (scheme === "postgres" || scheme === "postgresql") {
    throw new DatabaseUrlError(`PostgreSQL (${scheme}://) is not built in yet: ${expected}.`);
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
  if (rest.includes("?") || rest.includes("#")) {
    throw new DatabaseUrlError(`A sqlite URL takes no "?" or "#": ${expected}.`);
  }
  // sqlite:///absolute/path is how other tools write it.
  const path = rest.startsWith("///") ? rest.slice(2) : rest;
  if (path.startsWith("//")) {
    throw new DatabaseUrlError(`A sqlite URL names a file on this machine, not a host: ${expected}.`);
  }
  if (path === "" || path.endsWith("/") || path.includes("\0")) {
    throw new DatabaseUrlError(`The sqlite URL names no file: ${expected}.`);
  }
  return { kind: "sqlite-file", path };
}
