import type { Clock } from "@parley/rpc";

/** A process from its start to its crash. After the crash its timers do not fire and it sends nothing. */
export class Life {
  readonly name: string;
  /** The process's clock, which stops at the crash. */
  readonly clock: Clock;
  readonly #time: Clock;
  #isAlive = true;
  #skewMs = 0;
  /** What the process does once it runs again. Undefined while it runs. */
  #atResume: (() => void)[] | undefined;
  readonly #atDeath = new Set<() => void>();

  constructor(name: string, time: Clock) {
    this.name = name;
    this.#time = time;
    this.clock = {
      now: () => time.now() + this.#skewMs,
      monotonic: () => time.monotonic(),
      after: (delayMs, callback) => {
        let isCancelled = false;
        const cancel = time.after(delayMs, () => this.whenRunning(() => isCancelled || callback()));
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#atResume !== undefined;
  }

  /** Sets the process's wall clock wrong by this much. */
  setClock(skewMs: number): void {
    this.#skewMs = skewMs;
  }

  /** Stops the process: nothing happens in it until {@link resume}. */
  pause(): void {
    this.#atResume ??= [];
  }

  resume(): void {
    const waiting = this.#atResume ?? [];
    this.#atResume = undefined;
    // A turn each, as the events of one that catches up.
    for (const callback of waiting) this.#time.after(0, () => this.whenRunning(callback));
  }

  /** Calls back now, or when the process runs again; never after its crash. */
  whenRunning(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#atResume === undefined) callback();
    else this.#atResume.push(callback);
  }

  /** Calls back when the process crashes. The returned function unregisters the callback. */
  onDeath(callback: () => void): () => void {
    this.#atDeath.add(callback);
    return () => this.#atDeath.delete(callback);
  }

  /** Crashes the process now. */
  end(): void {
    this.#isAlive = false;
    this.#atResume = undefined;
    for (const callback of this.#atDeath) callback();
    this.#atDeath.clear();
  }
}
