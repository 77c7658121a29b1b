import type { SharedWork, Transaction } from "../database.ts";
import { StoreUnavailableError } from "../store-errors.ts";
import type { Outcome, RunningTransaction } from "./running-transaction.ts";

/** A transaction that is asked for. */
export interface Waiting {
  readonly work: (transaction: Transaction) => Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Commits by itself, because work that it shared with others failed and the one to blame is not known. */
  readonly alone?: true;
}

/** One whose body has ended, and of which is told when what it did, or what it may have seen, is durable. */
export interface Done {
  readonly waiting: Waiting;
  readonly transaction: RunningTransaction;
  readonly outcome: Outcome;
}

/** What transactions left to be done together, in the order in which it was first asked for. */
export function leftBy(
  transactions: Iterable<RunningTransaction>,
): ReadonlyMap<SharedWork<unknown>, readonly unknown[]> {
  const left = new Map<SharedWork<unknown>, unknown[]>();
  for (const transaction of transactions) {
    for (const { work, item } of transaction.left) {
      const items = left.get(work);
      if (items === undefined) {
        left.set(work, [item]);
      } else {
        items.push(item);
      }
    }
  }
  return left;
}

/** Those whose bodies have ended well. */
export function succeeded(done: readonly Done[]): readonly RunningTransaction[] {
  return done.flatMap(({ transaction, outcome }) => (outcome.ok ? [transaction] : []));
}

/** Tells what became of transactions, now that they, and what they did together, are durable. */
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

/** Tells of transactions whose bodies have ended that nothing came of them. */
export function fail(group: readonly Done[], error: unknown): void {
  for (const { waiting } of group) {
    waiting.reject(error);
  }
}

/** Tells of transactions that were not begun that they will not be. */
export function failWaiting(group: readonly Waiting[], error: unknown): void {
  for (const { reject } of group) {
    reject(error);
  }
}

/** What a transaction is told that another one of its group took with it. */
export function undone(cause: unknown): Error {
  const problem = cause instanceof StoreUnavailableError ? cause.problem : "io";
  return new StoreUnavailableError(problem, "A failure of another transaction of the same commit undid this one.", {
    cause,
  });
}
