/**
 * How fast a method can be: close to the fastest of its latest answers. A call that has less time left than half of that will not be
 * answered in time, and is not begun. Forgotten within seconds where no answers come, so that a slow spell does not refuse calls for long.
 */
export class MethodPace {
  #fastestMs = 0;
  #atMs = 0;

  /** Counts an answer that took so long from the implementation's start. */
  answered(tookMs: number, nowMs: number): void {
    this.#fastestMs = tookMs < this.#fastestMs ? tookMs : this.#fastestMs + (tookMs - this.#fastestMs) * towards;
    this.#atMs = nowMs;
  }

  /** Whether a call with so much time left can still be answered in time. */
  canAnswerWithin(leftMs: number, nowMs: number): boolean {
    return leftMs > 0 && leftMs >= (this.#fastestMs / 2) * 0.5 ** ((nowMs - this.#atMs) / halfLifeMs);
  }
}

/** How far one slower answer moves the estimate: after twenty of them it is more than half way there. */
const towards = 0.05;
const halfLifeMs = 1_000;
