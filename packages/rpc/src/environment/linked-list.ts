/** An entry of one {@link LinkedList}, and of no other at the same time. Only the list changes these fields. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
  listed: boolean;
}

/**
 * A list of entries that live as long as a call. A `Set` that is filled and emptied that often keeps allocating new
 * tables, and each old table keeps its entries alive in the garbage collector's old generation: half the cost of a short call.
 */
export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Does nothing if it is in the list already. */
  add(entry: T): void {
    if (entry.listed) {
      return;
    }
    entry.listed = true;
    entry.next = this.#first;
    if (this.#first !== undefined) {
      this.#first.previous = entry;
    }
    this.#first = entry;
    this.#size++;
  }

  /** Does nothing if it is not in the list. */
  delete(entry: T): void {
    if (!entry.listed) {
      return;
    }
    const { previous, next } = entry;
    if (previous === undefined) {
      this.#first = next;
    } else {
      previous.next = next;
    }
    if (next !== undefined) {
      next.previous = previous;
    }
    entry.listed = false;
    entry.previous = undefined;
    entry.next = undefined;
    this.#size--;
  }

  /** Newest first. Entries that were not reached yet may be deleted meanwhile, and the current one. */
  *[Symbol.iterator](): Generator<T> {
    for (let entry = this.#first; entry !== undefined; ) {
      const { next } = entry;
      yield entry;
      entry = next;
    }
  }
}
