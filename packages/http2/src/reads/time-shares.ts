/**
 * Keys that are served in rotation, each with an equal share of time: one that used more than its share of a rotation is passed over in later ones. The
 * keys are groups of connections, or kinds of work.
 */
export class TimeShares<K> {
  /** Those with waiting work. The first is next. */
  readonly #waiting = new Set<K>();
  /** The time that a key used beyond its shares, in milliseconds. */
  readonly #debtsMs = new Map<K, number>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Forgets all keys. */
  clear(): void {
    this.#waiting.clear();
    this.#debtsMs.clear();
  }

  /** Forgets the time that a key used. */
  forget(key: K): void {
    this.#debtsMs.delete(key);
  }

  /** Adds a key behind the others, unless it waits already. */
  add(key: K): void {
    this.#waiting.add(key);
  }

  /** The next key. It is removed. */
  take(): K | undefined {
    let passesLeft = this.#waiting.size;
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      const debtMs = this.#debtsMs.get(key);
      if (debtMs === undefined || passesLeft-- === 0) {
        return key;
      }
      this.#set(key, debtMs - shareMs);
      this.#waiting.add(key);
    }
    return undefined;
  }

  /** A key that was taken has used this time, in milliseconds. */
  charge(key: K, usedMs: number): void {
    this.#set(key, (this.#debtsMs.get(key) ?? 0) + usedMs - shareMs);
  }

  #set(key: K, debtMs: number): void {
    if (debtMs > 0) {
      this.#debtsMs.set(key, Math.min(debtMs, debtMaxMs));
    } else {
      this.#debtsMs.delete(key);
    }
  }
}

/** The time of some ten calls. */
const shareMs = 0.5;

/** A key is passed over two hundred times at most: it used much time in a long pause, such as that of a garbage collection, or it always does. */
const debtMaxMs = 100;
