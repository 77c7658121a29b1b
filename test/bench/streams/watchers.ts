/** Publishes changes to many watchers, in sequence. */
export class Watchers<T> {
  #next = Promise.withResolvers<T>();
  /** The number of watchers that wait for the next change. */
  waiting = 0;

  /** The next change. */
  next(): Promise<T> {
    this.waiting++;
    return this.#next.promise;
  }

  /** Resolves all waiting watchers. */
  publish(change: T): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers();
    this.waiting = 0;
    resolve(change);
  }
}
