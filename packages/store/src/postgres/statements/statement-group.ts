import pg from "pg";
import { parameterText } from "./array-literal.ts";
import type { PostgresParameter, PostgresResult, PostgresStatement } from "./postgres-sql.ts";
import { valueTypes } from "./postgres-values.ts";

/** A statement of a group, and the receiver of its result. */
export interface GroupedStatement {
  readonly statement: Pick<PostgresStatement, "text" | "name">;
  readonly parameters: readonly PostgresParameter[];
  readonly done: (error: unknown, result?: PostgresResult) => void;
}

/**
 * Statements of one transaction that are answered together: one Sync ends them, so that the server flushes its response once. pg's own queries have
 * a Sync, a response and a wake-up of this process each. After a failed statement the server skips the rest, which fail with the same error
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY).
 */
export class StatementGroup extends pg.Query {
  readonly #statements: readonly GroupedStatement[];
  readonly #results: PostgresResult[] = [];
  /** The names of statements that this group prepares, by their place in it. */
  readonly #prepared = new Map<number, string>();
  #fields: readonly Field[] = [];
  #rows: object[] = [];
  #isDone = false;

  constructor(statements: readonly GroupedStatement[]) {
    super("group");
    this.#statements = statements;
  }

  /** Called by pg. */
  override submit = (given: pg.Connection): null => {
    const connection = given as unknown as WireConnection;
    connection.stream.cork();
    try {
      for (const [place, { statement, parameters }] of this.#statements.entries()) {
        const { text, name = "" } = statement;
        if (name === "" || connection.parsedStatements[name] === undefined) {
          if (connection.uncertainStatements?.delete(name)) {
            connection.close({ type: "S", name });
          }
          connection.parse({ text, name });
          if (name !== "") {
            connection.parsedStatements[name] = text;
            this.#prepared.set(place, name);
          }
        }
        connection.bind({ statement: name, values: parameters, valueMapper: parameterText });
        connection.describe({ type: "P", name: "" });
        connection.execute({ portal: "" });
      }
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
    return null;
  };

  handleRowDescription({ fields }: { readonly fields: readonly FieldDescription[] }): void {
    this.#fields = fields.map(({ name, dataTypeID }) => ({
      name,
      parse: valueTypes.getTypeParser(dataTypeID, "text") as (text: string) => unknown,
    }));
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {};
    for (const [index, { name, parse }] of this.#fields.entries()) {
      const value = fields[index] ?? null;
      row[name] = value === null ? null : parse(value);
    }
    this.#rows.push(row);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    // For example: INSERT 0 26, UPDATE 3, COMMIT.
    const [command = "", ...numbers] = text.split(" ");
    this.#results.push({ rows: this.#rows, count: Number(numbers.at(-1) ?? 0), command });
    this.#rows = [];
    this.#fields = [];
  }

  handleReadyForQuery(): void {
    this.#end(undefined);
  }

  handleError(error: unknown, connection?: WireConnection): void {
    for (const [place, name] of this.#prepared) {
      // The failed statement may have been prepared before. Closing one that does not exist is not an error.
      if (place >= this.#results.length && connection !== undefined) {
        delete connection.parsedStatements[name];
        connection.uncertainStatements ??= new Set();
        connection.uncertainStatements.add(name);
      }
    }
    this.#end(error);
  }

  #end(error: unknown): void {
    if (this.#isDone) {
      return;
    }
    this.#isDone = true;
    for (const [place, { done }] of this.#statements.entries()) {
      const result = this.#results[place];
      if (result === undefined) {
        done(error ?? new Error("PostgreSQL answered fewer statements than were sent."));
      } else {
        done(undefined, result);
      }
    }
  }
}

/** pg's connection, as its cursors use it. */
export interface WireConnection {
  readonly stream: { cork(): void; uncork(): void };
  /** The texts of prepared statements, by name. */
  readonly parsedStatements: Record<string, string>;
  /** Names of statements that may be prepared. */
  uncertainStatements?: Set<string>;
  parse(message: { readonly text: string; readonly name: string }): void;
  bind(message: {
    readonly statement: string;
    readonly values: readonly PostgresParameter[];
    readonly valueMapper: (value: PostgresParameter) => string | Buffer | null;
  }): void;
  describe(message: { readonly type: "P"; readonly name: string }): void;
  execute(message: { readonly portal: string }): void;
  close(message: { readonly type: "S"; readonly name: string }): void;
  sync(): void;
}

interface FieldDescription {
  readonly name: string;
  readonly dataTypeID: number;
}

interface Field {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}
