import type { Clock } from "@parley/rpc";

/** A process from its start to its crash. After the crash its timers do not fire and it sends nothing. */
export class Life {
  readonly name: string;
  /** The process's clock, which stops at the crash. */
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

  /** Calls back when the process crashes. The returned function unregisters the callback. */
  onDeath(callback: () => void): () => void {
    this.#atDeath.add(callback);
    return () => this.#atDeath.delete(callback);
  }

  /** Crashes the process now. */
  end(): void {
    this.#isAlive = false;
    for (const callback of this.#atDeath) callback();
    this.#atDeath.clear();
  }
}
