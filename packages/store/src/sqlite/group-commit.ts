import type { Transaction } from "../database.ts";
import { StoreUnavailableError } from "../store-errors.ts";
import type { Disk } from "./disk.ts";
import type { CommitPoint, GroupCommitOptions, Schedule } from "./group-commit-options.ts";
import {
  answer,
  type Done,
  fail,
  failWaiting,
  queuedWorkOf,
  succeeded,
  undone,
  type Waiting,
} from "./group-members.ts";
import { type Outcome, RunningTransaction } from "./running-transaction.ts";
import { alone, nextGroup, SharedWorkFailed, sharedFailure } from "./shared-work-failure.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** The maximum number of transactions in a commit. With more, the first would wait longer than the shared commit saves. */
export const groupSizeMax = 128;
/**
 * The maximum number of waiting transactions, and of waiting reads. More than a service's concurrency limit: in a longer queue, calls would only
 * time out.
 */
export const queueLengthMax = 10_000;
/**
 * The maximum number of event-loop ticks for a body. A body that awaits only its own statements needs none, because they complete within the tick.
 * The rest is slack for a scheduler that is finer than the event loop.
 */
export const stuckTurnsMax = 8;

/**
 * Group commit: runs waiting transactions one after another, each in a savepoint, and commits them together, so that one fsync serves all of them.
 * No transaction resolves before the commit is durable. A failed one that may have seen the writes of others rejects only then, too. The fsync does
 * not block the thread; the next group waits.
 */
export class GroupCommit {
  readonly #connection: SqliteConnection;
  readonly #schedule: Schedule;
  readonly #disk: Disk | undefined;
  readonly #atPoint: (point: CommitPoint) => void;
  #queue: Waiting[] = [];
  #heldReads: (() => void)[] = [];
  #whenIdle: (() => void)[] = [];
  #current: RunningTransaction | undefined;
  #scheduled = false;
  #running = false;
  #closing = false;
  #cut = false;
  #turns = 0;

  constructor(connection: SqliteConnection, options: GroupCommitOptions) {
    this.#connection = connection;
    this.#schedule = options.schedule;
    this.#disk = options.disk;
    this.#atPoint = options.atPoint ?? (() => {});
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#cut) {
        return;
      }
      const refusal = this.#refusal(this.#queue.length);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      this.#queue.push({ work, resolve: resolve as (answer: unknown) => void, reject });
      this.#wake();
    });
  }

  /** Reads on the writing connection: at once, or after the current group, so that a read sees only durable data. */
  read<R>(statement: () => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.#cut) {
        return;
      }
      const refusal = this.#refusal(this.#heldReads.length);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      const perform = () => {
        try {
          resolve(statement());
        } catch (error) {
          reject(error);
        }
      };
      if (this.#running) {
        this.#heldReads.push(perform);
      } else {
        perform();
      }
    });
  }

  /** Refuses new calls, and resolves when the earlier ones have ended. */
  close(): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      if (this.#cut) {
        return;
      }
      if (this.#running || this.#queue.length > 0) {
        this.#whenIdle.push(resolve);
      } else {
        resolve();
      }
    });
  }

  /** Simulates the death of the process: uncommitted work is rolled back, and no caller receives a result. */
  cut(): void {
    if (this.#cut) {
      return;
    }
    this.#cut = true;
    this.#queue = [];
    this.#heldReads = [];
    this.#whenIdle = [];
    this.#current?.cut();
    if (this.#connection.inTransaction) {
      this.#connection.execute("ROLLBACK");
    }
  }

  #refusal(waiting: number): Error | undefined {
    if (this.#closing) {
      return new StoreUnavailableError("closed", "The database is closed.");
    }
    if (this.#disk?.failure !== undefined) {
      return this.#disk.failure;
    }
    if (waiting >= queueLengthMax) {
      return new StoreUnavailableError(
        "queue-full",
        `The queue of the database is full: ${queueLengthMax} calls are waiting.`,
      );
    }
    return undefined;
  }

  #wake(): void {
    if (!this.#scheduled && !this.#cut) {
      this.#scheduled = true;
      this.#schedule(this.#turn);
    }
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#cut) {
      return;
    }
    if (this.#disk?.isWaitedFor) {
      // Continues when the fsync has completed.
      return;
    }
    if (this.#running) {
      this.#watch();
    } else if (this.#queue.length > 0) {
      const { group, rest } = nextGroup(this.#queue, groupSizeMax);
      this.#queue = rest;
      void this.#runGroup(group);
      // Checks again on the next tick for new transactions and for a stuck body.
      this.#wake();
    }
  };

  #watch(): void {
    this.#turns++;
    if (this.#turns > stuckTurnsMax) {
      this.#current?.giveUp();
    }
    this.#wake();
  }

  async #runGroup(group: readonly Waiting[]): Promise<void> {
    this.#running = true;
    const notStarted = [...group].reverse();
    let done: Done[] = [];
    try {
      for (let waiting = notStarted.at(-1); waiting !== undefined; waiting = notStarted.at(-1)) {
        this.#begin();
        const transaction = new RunningTransaction(this.#connection);
        const outcome = await this.#perform(transaction, waiting.work);
        notStarted.pop();
        if (outcome.ok || (done.length > 0 && this.#connection.inTransaction)) {
          // A failure may depend on the writes of others in the group, so it is reported with them.
          done.push({ waiting, transaction, outcome });
          continue;
        }
        waiting.reject(outcome.error);
        // After some failures, for example a full disk, SQLite rolls back everything since BEGIN. Otherwise nothing was done.
        fail(done, undone(outcome.error));
        done = [];
      }
      const together = await this.#performTogether(done);
      this.#commit();
      if (this.#disk !== undefined) {
        await this.#disk.wait();
        this.#stopIfCut();
      }
      answer(done, together);
    } catch (error) {
      if (error instanceof Cut) {
        return;
      }
      this.#undo();
      if (error instanceof SharedWorkFailed) {
        this.#queue.unshift(...alone(done));
      } else {
        fail(done, error);
        failWaiting(notStarted, error);
      }
    }
    this.#end();
  }

  #begin(): void {
    if (!this.#connection.inTransaction) {
      this.#pass("begin");
      this.#connection.run("BEGIN IMMEDIATE", []);
    }
  }

  /** Runs the queued shared work of the transactions, and the shared work that this queues in turn. */
  async #performTogether(done: readonly Done[]): Promise<readonly RunningTransaction[]> {
    const together: RunningTransaction[] = [];
    for (let queued = queuedWorkOf(succeeded(done)); queued.size > 0; ) {
      const before = together.length;
      for (const [work, items] of queued) {
        const transaction = new RunningTransaction(this.#connection);
        const outcome = await this.#perform(transaction, () => work(transaction, items));
        if (!outcome.ok) {
          throw sharedFailure(outcome.error, done.length);
        }
        together.push(transaction);
      }
      queued = queuedWorkOf(together.slice(before));
    }
    return together;
  }

  async #perform(transaction: RunningTransaction, work: Waiting["work"]): Promise<Outcome> {
    this.#turns = 0;
    this.#pass("work");
    this.#current = transaction;
    const outcome = await transaction.perform(work);
    this.#current = undefined;
    this.#stopIfCut();
    return outcome;
  }

  #commit(): void {
    this.#pass("commit");
    if (this.#connection.inTransaction) {
      this.#connection.run("COMMIT", []);
    }
    this.#pass("committed");
  }

  #pass(point: CommitPoint): void {
    this.#atPoint(point);
    this.#stopIfCut();
  }

  #stopIfCut(): void {
    if (this.#cut) {
      throw new Cut();
    }
  }

  #undo(): void {
    if (this.#connection.inTransaction) {
      this.#connection.run("ROLLBACK", []);
    }
  }

  #end(): void {
    this.#running = false;
    const reads = this.#heldReads;
    this.#heldReads = [];
    for (const perform of reads) {
      perform();
    }
    if (this.#disk?.failure !== undefined) {
      failWaiting(this.#queue, this.#disk.failure);
      this.#queue = [];
    }
    if (this.#queue.length > 0) {
      this.#wake();
      return;
    }
    const idle = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of idle) {
      resolve();
    }
  }
}

/** Ends the loop of a group after {@link GroupCommit.cut}. Internal. */
class Cut extends Error {}
