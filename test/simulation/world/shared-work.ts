import type { SharedWork, Transaction } from "@parley/store";

/** Replaces the transaction in shared work, as in the body that queued it. The same work stays the same: it is identified by its function. */
export function inSharedWork(replace: (transaction: Transaction) => Transaction) {
  const replaced = new WeakMap<SharedWork<never>, SharedWork<never>>();
  return <T>(work: SharedWork<T>): SharedWork<T> => {
    const known = replaced.get(work as SharedWork<never>);
    if (known !== undefined) return known as SharedWork<T>;
    const made: SharedWork<T> = (transaction, items) => work(replace(transaction), items);
    replaced.set(work as SharedWork<never>, made as SharedWork<never>);
    return made;
  };
}
