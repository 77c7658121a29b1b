import pg from "pg";
import type { SqlValue } from "../database.ts";
import { ConnectionLostError, sqlStateOf } from "./postgres-errors.ts";
import type { PostgresStatement } from "./postgres-sql.ts";
import { valueTypes } from "./postgres-values.ts";

/** How to reach a server, and how long to wait for it. */
export interface PostgresTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly ssl: pg.ClientConfig["ssl"];
  readonly applicationName: string;
  /** Settings of each session, for example `-c search_path=orders`. */
  readonly options: string | undefined;
  readonly connectTimeoutMs: number;
  /** The longest that a statement may take. */
  readonly statementTimeoutMs: number;
  /** The longest that a statement waits for a row that another transaction holds. */
  readonly lockTimeoutMs: number;
}

/** How long a transaction may be open with nothing asked: the process behind it hangs, and what it locked must be free again. */
const idleInTransactionTimeoutMs = 10_000;
/** How much later than the server itself should have given up an answer is taken for lost. */
const answerGraceMs = 5_000;

/** What a statement gave. */
export interface PostgresResult {
  readonly rows: object[];
  readonly count: number;
  readonly command: string;
}

/** A parameter: a value, or a column of values for `unnest`. */
export type PostgresParameter = SqlValue | readonly SqlValue[];

/** A connection. Statements are sent as they come, without waiting for the answers to those before. */
export class PostgresConnection {
  readonly #client: pg.Client;
  readonly #answerTimeoutMs: number;
  #lost: Error | undefined;
  #inFlight = 0;
  #watch: NodeJS.Timeout | undefined;
  #answeredCount = 0;
  /** Called once when the connection ends without having been closed here. */
  onLost: (error: Error) => void = () => {};

  private constructor(client: pg.Client, answerTimeoutMs: number) {
    this.#client = client;
    this.#answerTimeoutMs = answerTimeoutMs;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("The connection ended")));
  }

  /** Connects. Rejects with PostgreSQL's error, or {@link ConnectionLostError}. */
  static async open(target: PostgresTarget): Promise<PostgresConnection> {
    const client = new pg.Client({
      host: target.host,
      port: target.port,
      user: target.user,
      ...(target.password === undefined ? {} : { password: target.password }),
      database: target.database,
      ssl: target.ssl,
      application_name: target.applicationName,
      ...(target.options === undefined ? {} : { options: target.options }),
      connectionTimeoutMillis: target.connectTimeoutMs,
      statement_timeout: target.statementTimeoutMs,
      lock_timeout: target.lockTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
      keepAlive: true,
      types: valueTypes,
      pipeline: true,
    } as pg.ClientConfig);
    const connection = new PostgresConnection(client, target.statementTimeoutMs + answerGraceMs);
    try {
      await client.connect();
    } catch (error) {
      throw connection.#asLost(error);
    }
    return connection;
  }

  /** Why the connection is of no use any more. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** Statements that were sent and not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  execute(statement: PostgresStatement, parameters: readonly PostgresParameter[]): Promise<PostgresResult> {
    return this.#query({ text: statement.text, values: parameters as unknown[], name: statement.name });
  }

  /** Executes statements without parameters, separated by semicolons. */
  executeText(text: string): Promise<PostgresResult> {
    return this.#query({ text });
  }

  /** Discards the connection. Statements in flight on it are lost. */
  destroy(why: Error): void {
    this.#lose(why);
    // Ends the socket at once, and with it every statement that waits.
    (this.#client as unknown as { connection: { stream: { destroy(error?: Error): void } } }).connection.stream.destroy(
      why,
    );
  }

  async close(): Promise<void> {
    this.#lost ??= new Error("The connection was closed");
    clearTimeout(this.#watch);
    await this.#client.end().catch(() => {});
  }

  #query(config: pg.QueryConfig & { readonly name?: string | undefined }): Promise<PostgresResult> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#asLost(this.#lost));
        return;
      }
      this.#inFlight++;
      this.#watchAnswers();
      this.#client.query(config, (error, result) => {
        this.#inFlight--;
        this.#answeredCount++;
        if (error) {
          reject(this.#asLost(error));
          return;
        }
        // Several statements in one text have several results: the last one counts.
        const last = Array.isArray(result) ? result.at(-1) : result;
        resolve({ rows: last.rows, count: last.rowCount ?? 0, command: last.command });
      });
    });
  }

  /** Where the network is gone nothing ends a statement but this. */
  #watchAnswers(): void {
    if (this.#watch !== undefined) {
      return;
    }
    const answered = this.#answeredCount;
    this.#watch = setTimeout(() => {
      this.#watch = undefined;
      if (this.#inFlight === 0) {
        return;
      }
      if (this.#answeredCount === answered) {
        this.destroy(new Error(`PostgreSQL did not answer for ${this.#answerTimeoutMs} ms`));
      } else {
        this.#watchAnswers();
      }
    }, this.#answerTimeoutMs);
    this.#watch.unref();
  }

  #lose(why: Error): void {
    clearTimeout(this.#watch);
    if (this.#lost === undefined) {
      this.#lost = why;
      this.onLost(why);
    }
  }

  #asLost(error: unknown): unknown {
    // Errors of PostgreSQL itself have a state, all others are of the connection.
    if (sqlStateOf(error) !== undefined || error instanceof ConnectionLostError) {
      return error;
    }
    return new ConnectionLostError(messageOf(error), { cause: error });
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map((one: unknown) => messageOf(one)).join(", ");
  }
  return error instanceof Error ? error.message : String(error);
}
