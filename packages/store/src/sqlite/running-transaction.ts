import type { Row, SharedWork, SqlValue, Transaction } from "../database.ts";
import { TransactionEndedError, TransactionStuckError } from "../store-errors.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** The outcome of a transaction's body. */
export type Outcome = { readonly ok: true; readonly answer: unknown } | { readonly ok: false; readonly error: unknown };

/** An item that a transaction queued for shared work. */
export interface QueuedItem {
  readonly work: SharedWork<unknown>;
  readonly item: unknown;
}

/** A transaction of a group: a savepoint in the group's transaction. */
export class RunningTransaction implements Transaction {
  readonly #connection: SqliteConnection;
  #callbacks: (() => void)[] | undefined;
  #queued: QueuedItem[] | undefined;
  #state: "running" | "failed" | "ended" | "cut" = "running";
  #failure: unknown;
  #settle: (outcome: Outcome) => void = () => {};

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  /** Runs the body. If it fails, its writes are rolled back. Never rejects. */
  perform(work: (transaction: Transaction) => Promise<unknown>): Promise<Outcome> {
    return new Promise((settle) => {
      this.#settle = settle;
      if (this.#state === "cut") {
        return;
      }
      try {
        this.#connection.run("SAVEPOINT member", []);
        work(this).then(
          (answer) => this.#succeed(answer),
          (error) => this.#fail(error),
        );
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  /** Ends a body that awaits something other than its statements. */
  giveUp(): void {
    this.#fail(
      new TransactionStuckError(
        "The body of a transaction awaited something other than its own statements. It must not await network calls, timers or files.",
      ),
    );
  }

  /** Runs the commit callbacks: the transaction is durable. */
  committed(): void {
    for (const callback of this.#callbacks ?? []) {
      try {
        callback();
      } catch (error) {
        // An error in a callback does not affect the durable transaction. It is reported as an uncaught exception.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Simulates the death of the process: no statement of the body returns. */
  cut(): void {
    this.#state = "cut";
  }

  all<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R[]> {
    return this.#execute(() => this.#connection.all(sql, parameters) as R[]);
  }

  get<R extends object = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R | undefined> {
    return this.#execute(() => this.#connection.get(sql, parameters) as R | undefined);
  }

  run(sql: string, ...parameters: readonly SqlValue[]): Promise<number> {
    return this.#execute(() => this.#connection.run(sql, parameters));
  }

  /** The shared work that its body queued. */
  get queued(): readonly QueuedItem[] {
    return this.#queued ?? [];
  }

  beforeCommit<T>(work: SharedWork<T>, item: T): void {
    if (this.#state === "ended") {
      throw ended();
    }
    this.#queued ??= [];
    this.#queued.push({ work: work as SharedWork<unknown>, item });
  }

  onCommit(callback: () => void): void {
    this.#callbacks ??= [];
    this.#callbacks.push(callback);
  }

  #execute<R>(statement: () => R): Promise<R> {
    if (this.#state === "running") {
      try {
        return Promise.resolve(statement());
      } catch (error) {
        this.#state = "failed";
        this.#failure = error;
        return Promise.reject(error);
      }
    }
    if (this.#state === "cut") {
      return new Promise(() => {});
    }
    return Promise.reject(this.#state === "failed" ? this.#failure : ended());
  }

  #succeed(answer: unknown): void {
    if (this.#state === "failed") {
      // The body caught the error of a failed statement. PostgreSQL has aborted such a transaction, so every store does.
      this.#fail(this.#failure);
    } else if (this.#state === "running") {
      this.#state = "ended";
      this.#attempt(() => {
        this.#connection.run("RELEASE member", []);
        return { ok: true, answer };
      });
    } else if (this.#state === "cut") {
      this.#settle({ ok: true, answer });
    }
  }

  #fail(error: unknown): void {
    if (this.#state === "running" || this.#state === "failed") {
      this.#state = "ended";
      this.#attempt(() => {
        if (this.#connection.inTransaction) {
          this.#connection.run("ROLLBACK TO member", []);
          this.#connection.run("RELEASE member", []);
        }
        return { ok: false, error };
      });
    } else if (this.#state === "cut") {
      this.#settle({ ok: false, error });
    }
  }

  #attempt(end: () => Outcome): void {
    try {
      this.#settle(end());
    } catch (error) {
      this.#settle({ ok: false, error });
    }
  }
}

function ended(): TransactionEndedError {
  return new TransactionEndedError("The transaction has ended: a promise in its body was not awaited.");
}
