/** What can be in one {@link LinkedList}, and in no other at the same time. The list alone changes these. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
  listed: boolean;
}

/**
 * Things that come and go with each call, linked to one another. A `Set` that is filled and emptied that often keeps getting a new
 * table, and each old table keeps what was in it alive for the garbage collector's old generation: half of what a short call cost.
 */
export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Does nothing if it is there already. */
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

  /** Does nothing if it is not there. */
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

  /** The newest first. Only what was not reached yet may be deleted meanwhile, and what was just reached. */
  *[Symbol.iterator](): Generator<T> {
    for (let entry = this.#first; entry !== undefined; ) {
      const { next } = entry;
      yield entry;
      entry = next;
    }
  }
}
