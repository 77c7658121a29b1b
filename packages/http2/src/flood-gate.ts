/** A token bucket: so much in a burst, so much a second in the long run, and more for those who earn it. */
export class FloodGate {
  readonly #burstMax: number;
  readonly #perSecondMax: number;
  readonly #savedMax: number;
  #left: number;
  #atMs = performance.now();

  /** `savedMax`: how much can be saved with {@link earn}. By default no more than a burst. */
  constructor(burstMax: number, perSecondMax: number, savedMax: number = burstMax) {
    this.#burstMax = burstMax;
    this.#perSecondMax = perSecondMax;
    this.#savedMax = savedMax;
    this.#left = burstMax;
  }

  /** Whether so much more is let through. */
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

  /** Takes back what was earned. */
  take(units: number): void {
    this.#left -= units;
  }

  /** Lets so much more through, later or now. */
  earn(units: number): void {
    if (this.#left < this.#savedMax) {
      this.#left = Math.min(this.#savedMax, this.#left + units);
    }
  }
}
