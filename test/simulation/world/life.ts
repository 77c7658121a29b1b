import type { Clock } from "@parley/rpc";

/** A process from its start to its crash. A dead one does nothing more: no timer of it rings, nothing it sends goes out. */
export class Life {
  readonly name: string;
  /** Time as the process sees it, for as long as it lives. */
  readonly clock: Clock;
  #isAlive = true;
  readonly #atDeath = new Set<() => void>();

  constructor(name: string, time: Clock) {
    this.name = name;
    this.clock = {
      now: () => time.now(),
      monotonic: () => time.monotonic(),
      after: (delayMs, callback) =>
        time.after(delayMs, () => {
          if (this.#isAlive) callback();
        }),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Calls back when the process is gone. The answer ends it. */
  onDeath(callback: () => void): () => void {
    this.#atDeath.add(callback);
    return () => this.#atDeath.delete(callback);
  }

  /** Ends the process at this very moment. */
  end(): void {
    this.#isAlive = false;
    for (const callback of this.#atDeath) callback();
    this.#atDeath.clear();
  }
}
