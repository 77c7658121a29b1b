import type { Command, Outcome } from "../database.ts";
import { RowsMissingError, StoreUnavailableError } from "../store-errors.ts";
import { waitingMax } from "./connection-pool.ts";
import { runTransaction, type TransactionContext } from "./run-transaction.ts";

/** The maximum batch size. With more inputs, the first would wait longer than the shared commit saves. */
const batchSizeMax = 64;
/**
 * The maximum number of batches of one command in flight. A second one begins only when it is full: inputs that arrive during a batch share the next
 * one, which costs less than two small ones.
 */
const batchesMax = 2;

/** The waiting inputs of one command, and its batches in flight. Waiting inputs are batched. */
export class CommandQueue<I, O> {
  readonly #context: TransactionContext;
  readonly #command: Command<I, O>;
  #waiting: Waiting<I, O>[] = [];
  #running = 0;
  #scheduled = false;

  constructor(context: TransactionContext, command: Command<I, O>) {
    this.#context = context;
    this.#command = command;
  }

  execute(input: I, signal?: AbortSignal): Promise<O> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= waitingMax) {
        reject(
          new StoreUnavailableError(
            "queue-full",
            `The queue of the database is full: ${waitingMax} calls are waiting.`,
          ),
        );
        return;
      }
      this.#waiting.push({ input, signal, resolve, reject });
      if (!this.#scheduled && this.#mayBegin()) {
        this.#scheduled = true;
        // Inputs of the same event-loop tick join the batch.
        setImmediate(this.#begin);
      }
    });
  }

  #mayBegin(): boolean {
    const isFull = this.#waiting.length >= batchSizeMax;
    return this.#waiting.length > 0 && (this.#running === 0 || (isFull && this.#running < batchesMax));
  }

  readonly #begin = (): void => {
    this.#scheduled = false;
    while (this.#mayBegin()) {
      this.#running++;
      const batch = this.#waiting.slice(0, batchSizeMax);
      this.#waiting = this.#waiting.slice(batchSizeMax);
      void this.#run(batch).finally(() => {
        this.#running--;
        this.#begin();
      });
    }
  };

  /** Never rejects. */
  async #run(batch: readonly Waiting<I, O>[]): Promise<void> {
    // Inputs whose callers have aborted are skipped.
    const wanted = batch.filter(({ signal, reject }) => {
      if (signal?.aborted) {
        reject(signal.reason);
      }
      return !signal?.aborted;
    });
    if (wanted.length === 0) {
      return;
    }
    let outcomes: readonly Outcome<O>[];
    try {
      const inputs = wanted.map(({ input }) => input);
      const given = await runTransaction(this.#context, (transaction) => this.#command.many(transaction, inputs), {
        runAgain: wanted.length === 1,
      });
      outcomes = typeof given === "function" ? given() : given;
    } catch (error) {
      await this.#isolate(wanted, error);
      return;
    }
    wanted.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined) {
        reject(
          new Error(
            `The command ${this.#command.name} returned ${outcomes.length} outcomes for ${wanted.length} inputs.`,
          ),
        );
      } else if ("answer" in outcome) {
        resolve(outcome.answer);
      } else {
        reject(outcome.refusal);
      }
    });
  }

  /**
   * One input failed and rolled back the batch, or conflicted with another transaction: bisects the batch, so that only the failing input fails. One
   * whose rows were missing is run by itself, since `many` cannot tell why.
   */
  async #isolate(batch: readonly Waiting<I, O>[], error: unknown): Promise<void> {
    const isTheServers = error instanceof StoreUnavailableError && error.problem !== "contended";
    const [first] = batch;
    if (batch.length === 1 && first !== undefined && error instanceof RowsMissingError) {
      const one = runTransaction(this.#context, (transaction) => this.#command.one(transaction, first.input));
      await one.then(first.resolve, first.reject);
      return;
    }
    if (batch.length === 1 || isTheServers) {
      for (const { reject } of batch) {
        reject(error);
      }
      return;
    }
    const half = batch.length >> 1;
    // One half after the other: concurrently they would conflict again.
    await this.#run(batch.slice(0, half));
    await this.#run(batch.slice(half));
  }
}

interface Waiting<I, O> {
  readonly input: I;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: O) => void;
  readonly reject: (error: unknown) => void;
}
