import type { MetricValue } from "../../telemetry/metric-family.ts";

/** What gRPC's own examples and libraries use as `maxTokens` and `tokenRatio`. */
const tokensMax = 10;
const tokenRatio = 0.1;

/**
 * Keeps retries from multiplying the load on a target that fails (A6, "Throttling Retry Attempts"): each failure takes a token, each
 * success gives a tenth of one back, and there are retries only while more than half of the tokens are left.
 */
export class RetryThrottle {
  readonly #gauge: MetricValue;
  #tokens = tokensMax;
  #lostConnection: object | undefined;

  constructor(gauge: MetricValue) {
    this.#gauge = gauge;
    gauge.value = tokensMax;
  }

  /** Whether another attempt may be made. */
  get allows(): boolean {
    return this.#tokens > tokensMax / 2;
  }

  succeeded(): void {
    if (this.#tokens < tokensMax) {
      this.#set(Math.min(tokensMax, this.#tokens + tokenRatio));
    }
  }

  /**
   * An attempt has failed.
   *
   * @param lostConnection the connection that it was lost with: its calls break together, which is one failure, however many there were
   */
  failed(lostConnection?: object): void {
    if (lostConnection === undefined || lostConnection !== this.#lostConnection) {
      this.#lostConnection = lostConnection;
      this.#set(Math.max(0, this.#tokens - 1));
    }
  }

  #set(tokens: number): void {
    this.#tokens = tokens;
    this.#gauge.value = tokens;
  }
}
