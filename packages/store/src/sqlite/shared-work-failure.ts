import { StoreUnavailableError } from "../store-errors.ts";
import type { Done, Waiting } from "./group-members.ts";

/** Shared work failed: each of its transactions is run again, in a separate commit. */
export class SharedWorkFailed extends Error {}

/** The error of a group whose shared work failed. If the database itself failed, separate commits would not help. */
export function sharedFailure(error: unknown, transactionCount: number): unknown {
  return transactionCount > 1 && !(error instanceof StoreUnavailableError) ? new SharedWorkFailed() : error;
}

/** The transactions of a group, to be run again in separate commits. */
export function alone(group: readonly Done[]): readonly Waiting[] {
  return group.map(({ waiting }) => ({ ...waiting, alone: true }));
}

/** Splits the queue into the group for the next commit and the rest. A transaction with `alone` is a group of its own. */
export function nextGroup(
  queue: readonly Waiting[],
  sizeMax: number,
): { readonly group: readonly Waiting[]; readonly rest: Waiting[] } {
  const firstAlone = queue.slice(0, sizeMax).findIndex(({ alone }) => alone === true);
  const size = firstAlone === -1 ? sizeMax : Math.max(1, firstAlone);
  return { group: queue.slice(0, size), rest: queue.slice(size) };
}
