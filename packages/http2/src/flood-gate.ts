/** A token bucket: a burst, a rate in the long run, and more that can be earned. */
export class FloodGate {
  readonly #burstMax: number;
  readonly #perSecondMax: number;
  readonly #savedMax: number;
  #left: number;
  #atMs = performance.now();

  /** `savedMax`: how much can be saved with {@link addCredit}. By default no more than a burst. */
  constructor(burstMax: number, perSecondMax: number, savedMax: number = burstMax) {
    this.#burstMax = burstMax;
    this.#perSecondMax = perSecondMax;
    this.#savedMax = savedMax;
    this.#left = burstMax;
  }

  /** Whether there are tokens for this amount; takes them. */
  pass(units = 1): boolean {
    this.#left -= units;
    if (this.#left >= 0) {
      return true;
    }
    const nowMs = performance.now();
    this.#left += Math.min(this.#burstMax, Math.floor(((nowMs - this.#atMs) / 1000) * this.#perSecondMax));
    this.#atMs = nowMs;
    return this.#left >= 0;
  }

  /** Takes earned tokens back. */
  take(units: number): void {
    this.#left -= units;
  }

  /** Adds tokens, for later or now. */
  addCredit(units: number): void {
    if (this.#left < this.#savedMax) {
      this.#left = Math.min(this.#savedMax, this.#left + units);
    }
  }
}
