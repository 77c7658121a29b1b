import { setTimeout as wait } from "node:timers/promises";
import { StoreUnavailableError } from "../store-errors.ts";
import { PostgresConnection, type PostgresTarget } from "./postgres-connection.ts";
import { fromPostgres } from "./postgres-errors.ts";
import { SharedConnections } from "./shared-connections.ts";
import { postgresStatement } from "./statements/postgres-sql.ts";

/**
 * The maximum number of transactions that wait for a connection. More than a service's concurrency limit: in a longer queue, calls would only time
 * out.
 */
export const waitingMax = 10_000;
/** The maximum age of a connection. Reconnecting spreads load to a new server and limits the number of prepared statements. */
const lifetimeMs = 30 * 60_000;
/** The first reconnect delay while the server is unavailable. The delay doubles up to the maximum. */
const retryFirstMs = 100;
const retryLastMs = 2_000;

export interface ConnectionPoolOptions {
  readonly target: PostgresTarget;
  /** The maximum number of connections for transactions. Connections for reads are separate. */
  readonly writersMax: number;
  /** Called with the reason when the server becomes unreachable, and with undefined when it is reachable again. */
  readonly onReachable?: ((problem: StoreUnavailableError | undefined) => void) | undefined;
}

/** The connection pool of one database. */
export class ConnectionPool {
  readonly #target: PostgresTarget;
  readonly #writersMax: number;
  readonly #onReachable: (problem: StoreUnavailableError | undefined) => void;
  readonly #idle: PostgresConnection[] = [];
  readonly #born = new WeakMap<PostgresConnection, number>();
  readonly #readers: SharedConnections;
  readonly #waiting = new Set<Waiting>();
  readonly #all = new Set<PostgresConnection>();
  #writers = 0;
  /** Connections being opened for waiting callers. */
  #opening = 0;
  #generation = 0;
  readonly #generations = new WeakMap<PostgresConnection, number>();
  #problem: StoreUnavailableError | undefined;
  #closed = false;

  constructor({ target, writersMax, onReachable = () => {} }: ConnectionPoolOptions) {
    this.#target = target;
    this.#writersMax = writersMax;
    this.#onReachable = onReachable;
    this.#readers = new SharedConnections({
      open: () => this.#open(),
      isUsable: (connection) => this.#isUsable(connection),
      onClosed: (connection) => this.#all.delete(connection),
    });
  }

  /** Why the server is unavailable. Undefined if it is not known to be. */
  get problem(): StoreUnavailableError | undefined {
    return this.#problem;
  }

  /** Acquires a connection for one transaction. Return it with {@link release}. */
  acquire(signal?: AbortSignal): Promise<PostgresConnection> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      return Promise.reject(refusal);
    }
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        this.#waiting.delete(waiting);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        resolve(connection) {
          signal?.removeEventListener("abort", stopWaiting);
          resolve(connection);
        },
        reject(error) {
          signal?.removeEventListener("abort", stopWaiting);
          reject(error);
        },
      };
      signal?.addEventListener("abort", stopWaiting, { once: true });
      this.#waiting.add(waiting);
      this.#serveWaiting();
    });
  }

  release(connection: PostgresConnection): void {
    if (this.#isUsable(connection)) {
      this.#idle.push(connection);
    } else {
      this.#forgetWriter(connection);
    }
    this.#serveWaiting();
  }

  /** A shared connection, for single statements outside a transaction. */
  async reader(): Promise<PostgresConnection> {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      throw refusal;
    }
    return await this.#readers.next();
  }

  /** The server stopped, or became a standby: discards all connections, including those that still seem usable. */
  renew(): void {
    this.#generation++;
    for (const connection of this.#idle.splice(0)) {
      this.#forgetWriter(connection);
    }
    this.#readers.forget();
    // A waiting caller gets a new connection. It shows whether the server is available again.
    this.#serveWaiting();
    if (this.#opening === 0 && this.#problem === undefined && !this.#closed) {
      this.#open().then(
        (connection) => {
          this.#writers++;
          this.release(connection);
        },
        () => {},
      );
    }
  }

  /** Refuses new callers. Connections in use are closed when they are released. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting) {
      waiting.reject(closedError());
    }
    this.#waiting.clear();
    this.#idle.length = 0;
    await Promise.all([...this.#all].map((connection) => connection.close()));
  }

  #refusal(): StoreUnavailableError | undefined {
    if (this.#closed) {
      return closedError();
    }
    if (this.#problem !== undefined) {
      return this.#problem;
    }
    if (this.#waiting.size >= waitingMax) {
      return new StoreUnavailableError(
        "queue-full",
        `The queue of the database is full: ${waitingMax} calls are waiting.`,
      );
    }
    return undefined;
  }

  #serveWaiting(): void {
    for (const waiting of this.#waiting) {
      const connection = this.#idle.pop();
      if (connection === undefined) {
        break;
      }
      if (this.#isUsable(connection)) {
        this.#waiting.delete(waiting);
        waiting.resolve(connection);
      } else {
        this.#forgetWriter(connection);
      }
    }
    // Each connection being opened is for one waiting caller.
    while (this.#waiting.size > this.#opening && this.#writers < this.#writersMax && !this.#closed) {
      this.#addWriter();
    }
  }

  #addWriter(): void {
    this.#writers++;
    this.#opening++;
    this.#open().then(
      (connection) => {
        this.#opening--;
        this.release(connection);
      },
      (error: unknown) => {
        this.#opening--;
        this.#writers--;
        for (const waiting of this.#waiting) {
          waiting.reject(error);
        }
        this.#waiting.clear();
      },
    );
  }

  async #open(): Promise<PostgresConnection> {
    let connection: PostgresConnection | undefined;
    const generation = this.#generation;
    try {
      connection = await PostgresConnection.open(this.#target);
      const [{ rows }] = await Promise.all([
        connection.execute(postgresStatement(readOnlySql), []),
        connection.execute(postgresStatement(plansByIndexSql), []),
      ]);
      if ((rows[0] as { read_only: string }).read_only === "on") {
        throw new StoreUnavailableError("read-only", "The PostgreSQL server is a read-only standby.");
      }
    } catch (error) {
      connection?.destroy(error as Error);
      const problem = asUnavailable(error);
      this.#failed(problem);
      throw problem;
    }
    if (this.#closed) {
      void connection.close();
      throw closedError();
    }
    const opened = connection;
    this.#all.add(opened);
    this.#generations.set(opened, generation);
    this.#born.set(opened, performance.now() * (1 + Math.random() / 5));
    opened.onLost = () => {
      this.#all.delete(opened);
      if (!this.#closed && this.#generations.get(opened) === this.#generation) {
        this.renew();
      }
    };
    return opened;
  }

  #isUsable(connection: PostgresConnection): boolean {
    return (
      !this.#closed &&
      connection.lost === undefined &&
      this.#generations.get(connection) === this.#generation &&
      performance.now() - (this.#born.get(connection) ?? 0) < lifetimeMs
    );
  }

  #forgetWriter(connection: PostgresConnection): void {
    this.#writers--;
    this.#all.delete(connection);
    void connection.close();
  }

  /** Until the server is reachable again, calls are refused at once, and one connection at a time probes it. */
  #failed(problem: StoreUnavailableError): void {
    if (this.#problem !== undefined || this.#closed) {
      return;
    }
    this.#problem = problem;
    this.#onReachable(problem);
    for (const waiting of this.#waiting) {
      waiting.reject(problem);
    }
    this.#waiting.clear();
    void this.#tryUntilBack();
  }

  async #tryUntilBack(): Promise<void> {
    for (let delayMs = 0; !this.#closed; delayMs = Math.min(Math.max(delayMs * 2, retryFirstMs), retryLastMs)) {
      await wait(delayMs * (0.8 + 0.4 * Math.random()), undefined, { ref: false });
      if (this.#closed) {
        return;
      }
      try {
        const connection = await this.#open();
        this.#problem = undefined;
        this.#onReachable(undefined);
        this.#writers++;
        this.release(connection);
        return;
      } catch {
        // The loop retries.
      }
    }
  }
}

interface Waiting {
  readonly resolve: (connection: PostgresConnection) => void;
  readonly reject: (error: unknown) => void;
}

const readOnlySql = "SELECT current_setting('transaction_read_only') AS read_only";
/**
 * Every statement of the services can use an index. The plan of a prepared statement is cached. A plan that was made while its table was new and had
 * few rows would scan the whole table until ANALYZE. `jit` is off too, since PostgreSQL 17 and older compile a statement whose only plan
 * uses a disabled method. With `force_generic_plan` a statement over an array is planned once too, not 70 µs long each time. Settings that a server
 * does not have are skipped.
 */
const plansByIndexSql = `SELECT set_config(name, CASE name WHEN 'plan_cache_mode' THEN 'force_generic_plan' ELSE 'off' END, false) FROM pg_settings
  WHERE name IN ('enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit', 'plan_cache_mode')`;

/** Converts an error of connecting. */
function asUnavailable(error: unknown): StoreUnavailableError {
  const problem = fromPostgres(error);
  return problem instanceof StoreUnavailableError
    ? problem
    : new StoreUnavailableError(
        "unreachable",
        `The PostgreSQL server refused the connection. (${(error as Error).message})`,
        {
          cause: error,
        },
      );
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError("closed", "The database is closed.");
}
