import { Code } from "@connectrpc/connect";
import type { Registry } from "prom-client";
import {
  type DurationHistogram,
  durationFamily,
  type MetricFamily,
  type MetricValue,
  valueFamily,
} from "./metric-family.ts";

/** A client's metrics for one target: gRPC proposals A66 and A96, with names in Prometheus style. */
export class ClientMetrics {
  /** 0 closed, 1 half-open, 2 open. */
  readonly breakerState: MetricValue;
  /** The target's remaining retry tokens (A6, "Throttling Retry Attempts"). */
  readonly retryTokens: MetricValue;
  readonly #target: string;
  readonly #families: Families;
  readonly #methods = new Map<string, MethodMetrics>();

  constructor(registry: Registry, target: string) {
    this.#target = target;
    this.#families = createFamilies(registry);
    this.breakerState = this.#families.breakerState.series({ grpc_target: target });
    this.retryTokens = this.#families.retryTokens.series({ grpc_target: target });
  }

  /** The metrics of a method, by its full name: `order.v1.OrderService/CreateOrder`. */
  method(fullName: string): MethodMetrics {
    let metrics = this.#methods.get(fullName);
    if (metrics === undefined) {
      metrics = createMethodMetrics(this.#families, { grpc_method: fullName, grpc_target: this.#target });
      this.#methods.set(fullName, metrics);
    }
    return metrics;
  }
}

/** The metrics of one method for one target. */
export interface MethodMetrics {
  readonly attemptsStarted: MetricValue;
  readonly retries: MetricValue;
  readonly transparentRetries: MetricValue;
  readonly throttledRetries: MetricValue;
  readonly hedges: MetricValue;
  /** @param code undefined for OK */
  callEnded(code: Code | undefined, durationMs: number): void;
  /** @param code undefined for OK */
  attemptEnded(code: Code | undefined, durationMs: number): void;
}

type Families = ReturnType<typeof createFamilies>;

function createFamilies(registry: Registry) {
  return {
    call: durationFamily(registry, {
      name: "grpc_client_call_duration_seconds",
      help: "Time from the start of a call to its end, all attempts included (A66: grpc.client.call.duration).",
    }),
    attempt: durationFamily(registry, {
      name: "grpc_client_attempt_duration_seconds",
      help: "Time from the start of an attempt to its end (A66: grpc.client.attempt.duration).",
    }),
    attemptsStarted: valueFamily(registry, {
      name: "grpc_client_attempt_started_total",
      help: "Attempts started (A66: grpc.client.attempt.started).",
      type: "counter",
    }),
    retries: valueFamily(registry, {
      name: "grpc_client_call_retries_total",
      help: "Attempts after the first (A96: grpc.client.call.retries).",
      type: "counter",
    }),
    transparentRetries: valueFamily(registry, {
      name: "grpc_client_call_transparent_retries_total",
      help: "Transparent retries: the server had not processed the previous attempt (A96: grpc.client.call.transparent_retries).",
      type: "counter",
    }),
    throttledRetries: valueFamily(registry, {
      name: "parley_client_retries_throttled_total",
      help: "Retries suppressed because too many attempts had failed (A6, Throttling Retry Attempts).",
      type: "counter",
    }),
    hedges: valueFamily(registry, {
      name: "grpc_client_call_hedges_total",
      help: "Hedged attempts: sent while an earlier attempt of the same call was not answered yet (A96: grpc.client.call.hedges).",
      type: "counter",
    }),
    retryTokens: valueFamily(registry, {
      name: "parley_client_retry_tokens",
      help: "Retry tokens left of 10. At half and below, retries stop (A6, Throttling Retry Attempts).",
      type: "gauge",
    }),
    breakerState: valueFamily(registry, {
      name: "parley_client_breaker_state",
      help: "The target's circuit breaker: 0 closed, 1 half-open, 2 open.",
      type: "gauge",
    }),
  };
}

function createMethodMetrics(families: Families, labels: Readonly<Record<string, string>>): MethodMetrics {
  const calls = byStatus(families.call, labels);
  const attempts = byStatus(families.attempt, labels);
  return {
    attemptsStarted: families.attemptsStarted.series(labels),
    retries: families.retries.series(labels),
    transparentRetries: families.transparentRetries.series(labels),
    throttledRetries: families.throttledRetries.series(labels),
    get hedges() {
      // Few methods have hedging. The others have no such series.
      return families.hedges.series(labels);
    },
    callEnded: (code, durationMs) => calls(code).observe(durationMs / 1000),
    attemptEnded: (code, durationMs) => attempts(code).observe(durationMs / 1000),
  };
}

/** One series per status, created on first use: otherwise the metrics page would list seventeen empty ones per method. */
function byStatus(
  durations: MetricFamily<DurationHistogram>,
  labels: Readonly<Record<string, string>>,
): (code: Code | undefined) => DurationHistogram {
  const histograms: (DurationHistogram | undefined)[] = [];
  return (code) => {
    const index = code ?? 0;
    let histogram = histograms[index];
    if (histogram === undefined) {
      histogram = durations.series({ ...labels, grpc_status: statusName(code) });
      histograms[index] = histogram;
    }
    return histogram;
  };
}

function statusName(code: Code | undefined): string {
  if (code === undefined) {
    return "OK";
  }
  return code === Code.Canceled
    ? "CANCELLED"
    : (Code[code] ?? "Unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
