import { StoreUnavailableError } from "../store-errors.ts";
import type { Done, Waiting } from "./group-members.ts";

/** Work that transactions left to be done together failed: each of them is run again, in a commit of its own. */
export class SharedWorkFailed extends Error {}

/** The error to end a group with whose shared work failed. Where the database itself failed, a commit of its own would help none. */
export function sharedFailure(error: unknown, transactionCount: number): unknown {
  return transactionCount > 1 && !(error instanceof StoreUnavailableError) ? new SharedWorkFailed() : error;
}

/** The transactions of a group, to be run again, each in a commit of its own. */
export function alone(group: readonly Done[]): readonly Waiting[] {
  return group.map(({ waiting }) => ({ ...waiting, alone: true }));
}

/**
 * Splits the queue into the group that shares the next commit and the rest. A transaction that is to commit alone is a group of its own.
 */
export function nextGroup(
  queue: readonly Waiting[],
  sizeMax: number,
): { readonly group: readonly Waiting[]; readonly rest: Waiting[] } {
  const firstAlone = queue.slice(0, sizeMax).findIndex(({ alone }) => alone === true);
  const size = firstAlone === -1 ? sizeMax : Math.max(1, firstAlone);
  return { group: queue.slice(0, size), rest: queue.slice(size) };
}
