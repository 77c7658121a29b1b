import type { Environment } from "../../../environment/environment.ts";
import { valueFamily } from "../../../telemetry/metric-family.ts";
import type { ServerLimits } from "../../config/server-limits.ts";

/** The burst size, in seconds of the rate: a short burst is refused without pauses. */
const burstSeconds = 0.25;

/** The longest pause, in milliseconds: an accepted call behind a refused one waits this long at most. */
const pauseMaxMs = 50;

/**
 * Limits the time that a server spends on refusals with a token bucket. A refusal is cheap, but a client that repeats refused calls at once
 * could still use a whole core, and accepted calls would be late. Above the rate, connections with refused calls are not read for some milliseconds:
 * TCP's flow control makes their clients wait.
 */
export class RefusalRate {
  readonly #perSecondMax: number;
  #left: number;
  #atMs = 0;

  constructor(perSecondMax: number) {
    this.#perSecondMax = perSecondMax;
    this.#left = perSecondMax * burstSeconds;
  }

  /** Counts a refusal. Returns for how long its connection pauses, in milliseconds: 0 within the rate. */
  pauseMs(nowMs: number): number {
    const perMs = this.#perSecondMax / 1_000;
    const most = this.#perSecondMax * burstSeconds;
    this.#left = Math.min(most, this.#left + (nowMs - this.#atMs) * perMs) - 1;
    this.#atMs = nowMs;
    if (this.#left >= 0) {
      return 0;
    }
    this.#left = Math.max(this.#left, -pauseMaxMs * perMs);
    return Math.max(1, -this.#left / perMs);
  }
}

/** The refusal rate of a server, with its metric: see {@link RefusalRate.pauseMs}. */
export function limitedRefusals(
  { refusalsPerSecondMax }: Pick<ServerLimits, "refusalsPerSecondMax">,
  { metrics }: Pick<Environment, "metrics">,
): (nowMs: number) => number {
  const rate = new RefusalRate(refusalsPerSecondMax);
  const pauses = valueFamily(metrics, {
    name: "parley_server_read_pauses_total",
    help: "Pauses in reading a connection because too many calls are refused (REFUSALS_PER_SECOND_MAX).",
    type: "counter",
  }).series({});
  return (nowMs) => {
    const pauseMs = rate.pauseMs(nowMs);
    if (pauseMs > 0) {
      pauses.value++;
    }
    return pauseMs;
  };
}
