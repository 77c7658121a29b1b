import pg from "pg";
import { ConnectionLostError, sqlStateOf } from "./postgres-errors.ts";
import type { PostgresParameter, PostgresResult, PostgresStatement } from "./statements/postgres-sql.ts";
import { valueTypes } from "./statements/postgres-values.ts";
import { type GroupedStatement, StatementGroup } from "./statements/statement-group.ts";

/** The address of a server, and its timeouts. */
export interface PostgresTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly ssl: pg.ClientConfig["ssl"];
  readonly applicationName: string;
  /** Session settings, for example `-c search_path=orders`. */
  readonly options: string | undefined;
  readonly connectTimeoutMs: number;
  /** The statement timeout. */
  readonly statementTimeoutMs: number;
  /** The lock timeout: how long a statement waits for a row lock of another transaction. */
  readonly lockTimeoutMs: number;
}

/** How long a transaction may be idle. After that its process is assumed to hang, and the server releases its locks. */
const idleInTransactionTimeoutMs = 10_000;
/** How long after the server's own statement timeout a missing response counts as lost. */
const answerGraceMs = 5_000;

/** A connection. Statements are pipelined: sent without waiting for the responses to earlier ones. */
export class PostgresConnection {
  readonly #client: pg.Client;
  readonly #answerTimeoutMs: number;
  #lost: Error | undefined;
  #inFlight = 0;
  #group: GroupedStatement[] = [];
  #watch: NodeJS.Timeout | undefined;
  #answeredCount = 0;
  /** Called once when the connection is lost, not when it is closed here. */
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

  /** Why the connection is unusable. Undefined while it is usable. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** The number of statements in flight. */
  get inFlight(): number {
    return this.#inFlight;
  }

  execute(statement: PostgresStatement, parameters: readonly PostgresParameter[]): Promise<PostgresResult> {
    return this.#query({ text: statement.text, values: parameters as unknown[], name: statement.name });
  }

  /**
   * Executes a statement of a transaction. Those of one event-loop tick are sent in one write and answered together: if one fails, so do the later
   * ones.
   */
  executeGrouped(
    statement: Pick<PostgresStatement, "text" | "name">,
    parameters: readonly PostgresParameter[],
  ): Promise<PostgresResult> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#asLost(this.#lost));
        return;
      }
      this.#inFlight++;
      this.#watchAnswers();
      if (this.#group.length === 0) {
        process.nextTick(() => this.#sendGroup());
      }
      this.#group.push({
        statement,
        parameters,
        done: (error, result) => {
          this.#inFlight--;
          this.#answeredCount++;
          if (result === undefined) {
            reject(this.#asLost(error));
          } else {
            resolve(result);
          }
        },
      });
    });
  }

  /** Executes statements without parameters, separated by semicolons. */
  executeText(text: string): Promise<PostgresResult> {
    return this.#query({ text });
  }

  /** Discards the connection. Its statements in flight fail. */
  destroy(why: Error): void {
    this.#lose(why);
    // Destroys the socket, which fails all waiting statements.
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
      this.#sendGroup();
      this.#inFlight++;
      this.#watchAnswers();
      this.#client.query(config, (error, result) => {
        this.#inFlight--;
        this.#answeredCount++;
        if (error) {
          reject(this.#asLost(error));
          return;
        }
        // A text of several statements has several results: returns the last one.
        const last = Array.isArray(result) ? result.at(-1) : result;
        resolve({ rows: last.rows, count: last.rowCount ?? 0, command: last.command });
      });
    });
  }

  #sendGroup(): void {
    const group = this.#group;
    if (group.length > 0) {
      this.#group = [];
      this.#client.query(new StatementGroup(group) as pg.Submittable);
    }
  }

  /** After a network failure, only this timeout ends a statement. */
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
        this.destroy(new Error(`PostgreSQL did not answer within ${this.#answerTimeoutMs} ms`));
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
    // Errors of the server have an SQLSTATE. All others are connection errors.
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
