import type { SharedWork, Transaction } from "../database.ts";
import { StoreUnavailableError } from "../store-errors.ts";
import type { Outcome, RunningTransaction } from "./running-transaction.ts";

/** A requested transaction. */
export interface Waiting {
  readonly work: (transaction: Transaction) => Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Commits by itself, because a shared commit failed and the failing member is unknown. */
  readonly alone?: true;
}

/** A transaction whose body has ended. Its outcome is reported once the data that it wrote or may have seen is durable. */
export interface Done {
  readonly waiting: Waiting;
  readonly transaction: RunningTransaction;
  readonly outcome: Outcome;
}

/** The queued shared work of transactions, in the order in which it was first queued. */
export function queuedWorkOf(
  transactions: Iterable<RunningTransaction>,
): ReadonlyMap<SharedWork<unknown>, readonly unknown[]> {
  const itemsByWork = new Map<SharedWork<unknown>, unknown[]>();
  for (const transaction of transactions) {
    for (const { work, item } of transaction.queued) {
      const items = itemsByWork.get(work);
      if (items === undefined) {
        itemsByWork.set(work, [item]);
      } else {
        items.push(item);
      }
    }
  }
  return itemsByWork;
}

/** The transactions whose bodies succeeded. */
export function succeeded(done: readonly Done[]): readonly RunningTransaction[] {
  return done.flatMap(({ transaction, outcome }) => (outcome.ok ? [transaction] : []));
}

/** Reports the outcomes of transactions, once they and their shared work are durable. */
export function answer(done: readonly Done[], together: readonly RunningTransaction[]): void {
  for (const transaction of succeeded(done)) {
    transaction.committed();
  }
  for (const transaction of together) {
    transaction.committed();
  }
  for (const { waiting, outcome } of done) {
    if (outcome.ok) {
      waiting.resolve(outcome.answer);
    } else {
      waiting.reject(outcome.error);
    }
  }
}

/** Rejects transactions whose bodies have ended: they were rolled back. */
export function fail(group: readonly Done[], error: unknown): void {
  for (const { waiting } of group) {
    waiting.reject(error);
  }
}

/** Rejects transactions that were not started. */
export function failWaiting(group: readonly Waiting[], error: unknown): void {
  for (const { reject } of group) {
    reject(error);
  }
}

/** The error of a transaction that was rolled back because another one of its group failed. */
export function undone(cause: unknown): Error {
  const problem = cause instanceof StoreUnavailableError ? cause.problem : "io";
  return new StoreUnavailableError(
    problem,
    "The transaction was rolled back, because another transaction of the same group commit failed.",
    {
      cause,
    },
  );
}
