/** Tells many watchers of changes, one after the other. */
export class Watchers<T> {
  #next = Promise.withResolvers<T>();
  /** Watchers that wait for the next change. */
  waiting = 0;

  /** The next change. */
  next(): Promise<T> {
    this.waiting++;
    return this.#next.promise;
  }

  /** Tells all that wait. */
  publish(change: T): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers();
    this.waiting = 0;
    resolve(change);
  }
}
