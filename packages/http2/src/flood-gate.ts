/** Lets so many through in a burst, and so many a second in the long run. */
export class FloodGate {
  readonly #burstMax: number;
  readonly #perSecondMax: number;
  #left: number;
  #atMs = performance.now();

  constructor(burstMax: number, perSecondMax: number) {
    this.#burstMax = burstMax;
    this.#perSecondMax = perSecondMax;
    this.#left = burstMax;
  }

  /** Whether one more is let through. */
  pass(): boolean {
    if (--this.#left >= 0) {
      return true;
    }
    const nowMs = performance.now();
    this.#left = Math.min(this.#burstMax, Math.floor(((nowMs - this.#atMs) / 1000) * this.#perSecondMax)) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }
}
