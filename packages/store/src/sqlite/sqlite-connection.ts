import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import type { SqlValue } from "../database.ts";
import { StoreError } from "../store-errors.ts";
import { fromSqlite } from "./sqlite-errors.ts";

/** The maximum number of prepared statements. A service has a few dozen; parameter lists of many lengths could make it thousands. */
const preparedMax = 256;
/** SQLite blocks the thread while it waits for a lock, so the timeout is short: usually no other process writes to a service's file. */
const busyTimeoutDefaultMs = 250;

/** A connection to a SQLite file with a cache of prepared statements. All its methods are synchronous. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #prepared = new LRUCache<string, Prepared>({ max: preparedMax });

  constructor(path: string, options: { readonly readOnly?: boolean; readonly busyTimeoutMs?: number } = {}) {
    try {
      this.#database = new DatabaseSync(path, {
        readOnly: options.readOnly ?? false,
        timeout: options.busyTimeoutMs ?? busyTimeoutDefaultMs,
        enableForeignKeyConstraints: true,
        enableDoubleQuotedStringLiterals: false,
      });
    } catch (error) {
      throw fromSqlite(error);
    }
  }

  all(sql: string, parameters: readonly SqlValue[]): object[] {
    const prepared = this.#prepare(sql);
    try {
      const rows = prepared.statement.all(...parameters);
      return prepared.bigInts ? rows.map(narrow) : rows;
    } catch (error) {
      if (isOutOfRange(error) && !prepared.bigInts && !prepared.once) {
        useBigInts(prepared);
        return this.all(sql, parameters);
      }
      throw prepared.once && isOutOfRange(error) ? tooLargeToReturn(error) : fromSqlite(error);
    }
  }

  get(sql: string, parameters: readonly SqlValue[]): object | undefined {
    const prepared = this.#prepare(sql);
    try {
      const row = prepared.statement.get(...parameters);
      return prepared.bigInts && row !== undefined ? narrow(row) : row;
    } catch (error) {
      if (isOutOfRange(error) && !prepared.bigInts && !prepared.once) {
        useBigInts(prepared);
        return this.get(sql, parameters);
      }
      throw prepared.once && isOutOfRange(error) ? tooLargeToReturn(error) : fromSqlite(error);
    }
  }

  run(sql: string, parameters: readonly SqlValue[]): number {
    const prepared = this.#prepare(sql);
    try {
      return Number(prepared.statement.run(...parameters).changes);
    } catch (error) {
      throw fromSqlite(error);
    }
  }

  /** Whether a statement only reads. A writable connection cannot be set to refuse writes. A read-only one refuses them. */
  isRead(sql: string): boolean {
    const prepared = this.#prepare(sql);
    prepared.isRead ??= readPattern.test(sql) && !writePattern.test(sql);
    return prepared.isRead;
  }

  /** Executes statements separated by semicolons. */
  execute(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw fromSqlite(error);
    }
  }

  /** Whether a transaction is open. SQLite rolls back by itself after some failures, for example a full disk. */
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known !== undefined) {
      return known;
    }
    try {
      const once = /\breturning\b/i.test(sql);
      // Only one connection writes, so no other transaction can change the rows.
      const text = sql.replace(/\sFOR UPDATE\s*$/, "");
      const prepared = { statement: this.#database.prepare(text), bigInts: false, once, isRead: undefined };
      this.#prepared.set(sql, prepared);
      return prepared;
    } catch (error) {
      throw fromSqlite(error);
    }
  }
}

interface Prepared {
  readonly statement: StatementSync;
  bigInts: boolean;
  /** Whether it writes and returns rows: it cannot be executed a second time when an integer turns out to exceed 2^53. */
  readonly once: boolean;
  isRead: boolean | undefined;
}

const readPattern = /^\s*(?:select|values|with|explain)\b/i;
const writePattern = /\b(?:insert\s+into|delete\s+from|update\s+\w+\s+set)\b/i;

function useBigInts(prepared: Prepared): void {
  prepared.statement.setReadBigInts(true);
  prepared.bigInts = true;
}

function tooLargeToReturn(cause: unknown): StoreError {
  return new StoreError("RETURNING cannot return integers beyond 2^53: read them with a separate SELECT.", {
    cause,
  });
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

function narrow(row: Record<string, unknown>): Record<string, unknown> {
  for (const column in row) {
    const value = row[column];
    if (typeof value === "bigint" && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      row[column] = Number(value);
    }
  }
  return row;
}
