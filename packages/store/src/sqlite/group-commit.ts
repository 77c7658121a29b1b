import type { Transaction } from "../database.ts";
import { StoreUnavailableError } from "../store-errors.ts";
import type { Disk } from "./disk.ts";
import type { CommitPoint, GroupCommitOptions, Schedule } from "./group-commit-options.ts";
import { answer, type Done, fail, failWaiting, leftBy, succeeded, undone, type Waiting } from "./group-members.ts";
import { type Outcome, RunningTransaction } from "./running-transaction.ts";
import { alone, nextGroup, SharedWorkFailed, sharedFailure } from "./shared-work-failure.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** Transactions that share a commit at most: more would make the first of them wait longer than the shared commit saves. */
export const groupSizeMax = 128;
/** Transactions that wait at most, and reads too. More than a service lets in at once: a longer queue ends in time-outs only. */
export const queueLengthMax = 10_000;
/**
 * Turns of the event loop that a body may take. One that awaits its own statements takes none, since their answers are there
 * before the next turn; a few are left for a scheduler that turns more finely than the event loop does.
 */
export const stuckTurnsMax = 8;

/**
 * Runs transactions that wait at the same time one after another, each in a savepoint of its own, and makes them durable with
 * one commit, so that the wait for the disk is paid once for all of them. None resolves before that, nor rejects one that failed
 * after others that it may have seen. The thread goes on meanwhile; the next group waits.
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

  /** Reads with the connection that writes: at once, or behind the current group, so that only durable data is seen. */
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

  /** Refuses what comes from now on, and resolves when what came before has ended. */
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

  /** The process is dead: uncommitted work is rolled back, and no caller is ever answered. */
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
      return new StoreUnavailableError("queue-full", `${queueLengthMax} calls wait for the database already.`);
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
      // Looks in again when the disk is done.
      return;
    }
    if (this.#running) {
      this.#watch();
    } else if (this.#queue.length > 0) {
      const { group, rest } = nextGroup(this.#queue, groupSizeMax);
      this.#queue = rest;
      void this.#runGroup(group);
      // The next turn looks in again: for what came meanwhile, and for a body that is stuck.
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
    const left = [...group].reverse();
    let done: Done[] = [];
    try {
      for (let waiting = left.at(-1); waiting !== undefined; waiting = left.at(-1)) {
        this.#begin();
        const transaction = new RunningTransaction(this.#connection);
        const outcome = await this.#perform(transaction, waiting.work);
        left.pop();
        if (outcome.ok || (done.length > 0 && this.#connection.inTransaction)) {
          // A failure too may be for what the others did: what is told of it goes by that.
          done.push({ waiting, transaction, outcome });
          continue;
        }
        waiting.reject(outcome.error);
        // Some failures, a full disk for one, make SQLite undo everything since BEGIN. Otherwise there is nothing done.
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
        failWaiting(left, error);
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

  /** Does what the transactions left to be done together, and what that leaves in turn. */
  async #performTogether(done: readonly Done[]): Promise<readonly RunningTransaction[]> {
    const together: RunningTransaction[] = [];
    for (let left = leftBy(succeeded(done)); left.size > 0; ) {
      const before = together.length;
      for (const [work, items] of left) {
        const transaction = new RunningTransaction(this.#connection);
        const outcome = await this.#perform(transaction, () => work(transaction, items));
        if (!outcome.ok) {
          throw sharedFailure(outcome.error, done.length);
        }
        together.push(transaction);
      }
      left = leftBy(together.slice(before));
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

/** Ends the loop of a group whose process is dead. Never visible outside. */
class Cut extends Error {}
