import type { MetricValue } from "../../telemetry/metric-family.ts";

/** The `maxTokens` and `tokenRatio` of gRPC's own examples and libraries. */
const tokensMax = 10;
const tokenRatio = 0.1;

/**
 * Limits the load of retries on a failing target (A6, "Throttling Retry Attempts"): each failure takes a token, each
 * success returns a tenth of one, and retries need more than half of the tokens.
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
   * @param lostConnection the lost connection: all of its calls fail together, which counts as one failure
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
