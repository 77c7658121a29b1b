import { Code } from "@connectrpc/connect";
import type { Registry } from "prom-client";
import {
  type DurationHistogram,
  durationFamily,
  type MetricFamily,
  type MetricValue,
  valueFamily,
} from "./metric-family.ts";

/** The server's call metrics: gRPC proposal A66, with names in Prometheus style. */
export interface CallMetrics {
  method(fullName: string): MethodMetrics;
  /** Calls in progress, of all kinds. */
  readonly inFlight: MetricValue;
  /** Requests that exceeded a message limit, by the limit's name. */
  exceeded(limit: string): MetricValue;
  /** Counts a call rejected by load shedding, by reason. */
  shed(reason: string): void;
  /** Slots in use, by budget. */
  places(budget: string): MetricValue;
}

/** The metrics of one method. */
export interface MethodMetrics {
  started(): void;
  /** @param code undefined for OK */
  ended(code: Code | undefined, seconds: number, traceparent?: string): void;
  /** Counts an error's reason (`google.rpc.ErrorInfo`). */
  refused(reason: string): void;
}

/** The metrics in the registry. Registers them on first use, because services in one process share a registry. */
export function createCallMetrics(registry: Registry): CallMetrics {
  const started = valueFamily(registry, {
    name: "grpc_server_call_started_total",
    help: "Calls received (A66: grpc.server.call.started).",
    type: "counter",
  });
  const duration = durationFamily(registry, {
    name: "grpc_server_call_duration_seconds",
    help: "Time from the first bytes of a call to the end of its response (A66: grpc.server.call.duration).",
  });
  const reasons = valueFamily(registry, {
    name: "parley_server_call_errors_total",
    help: "Failed calls whose error has a reason (google.rpc.ErrorInfo), by method and reason.",
    type: "counter",
  });
  let reasonCount = 0;
  const inFlight = valueFamily(registry, {
    name: "parley_server_calls_in_flight",
    help: "Calls in flight.",
    type: "gauge",
  });
  const shed = valueFamily(registry, {
    name: "parley_server_calls_shed_total",
    help: "Calls refused because of overload.",
    type: "counter",
  });
  const shedBy = seriesBy(
    "reason",
    valueFamily(registry, {
      name: "parley_server_calls_shed_by_reason_total",
      help: "Calls refused because of overload, by reason: full, connection-share, caller-share, read-backlog, queue-age, deadline-near.",
      type: "counter",
    }),
  );
  const shedInAll = shed.series({});
  const places = valueFamily(registry, {
    name: "parley_server_places_taken",
    help: "Calls admitted and not finished, by budget: unary (CALLS_MAX), streams (STREAMS_MAX), diagnostics (DIAGNOSTIC_STREAMS_MAX).",
    type: "gauge",
  });
  const exceeded = valueFamily(registry, {
    name: "parley_server_requests_over_limit_total",
    help: "Requests refused because a message exceeds a limit, by limit: bytes, elements, fields, depth, list, length.",
    type: "counter",
  });
  return {
    exceeded: seriesBy("limit", exceeded),
    inFlight: inFlight.series({}),
    shed(reason) {
      shedInAll.value++;
      shedBy(reason).value++;
    },
    places: seriesBy("budget", places),
    method(fullName) {
      const calls = started.series({ grpc_method: fullName });
      // Created when a call first ends with the status: most methods never return most statuses.
      const durations: (DurationHistogram | undefined)[] = new Array(statusNames.length).fill(undefined);
      const refused = new Map<string, MetricValue>();
      return {
        started() {
          calls.value++;
        },
        refused(reason) {
          let series = refused.get(reason);
          if (series === undefined) {
            // Another service can send any reason: beyond the limit, all new reasons are counted together.
            const name = reasonCount++ < reasonsMax ? reason : "OTHER";
            series = reasons.series({ grpc_method: fullName, reason: name });
            refused.set(reason, series);
          }
          series.value++;
        },
        ended(ending, seconds, traceparent) {
          const code = ending ?? 0;
          let histogram = durations[code];
          if (histogram === undefined) {
            histogram = duration.series({ grpc_method: fullName, grpc_status: statusNames[code] ?? "UNKNOWN" });
            durations[code] = histogram;
          }
          histogram.observe(seconds, traceparent);
        },
      };
    },
  };
}

/** The maximum number of reason series, of all methods together. */
const reasonsMax = 200;

/** The series of a family, keyed by the value of its one label. Created on first use. */
function seriesBy(label: string, family: MetricFamily<MetricValue>): (value: string) => MetricValue {
  const made = new Map<string, MetricValue>();
  return (value) => {
    let series = made.get(value);
    if (series === undefined) {
      series = family.series({ [label]: value });
      made.set(value, series);
    }
    return series;
  };
}

/** The gRPC status names, indexed by number. */
export const statusNames: readonly string[] = [
  "OK",
  ...Array.from({ length: 16 }, (_, index) =>
    (Code[index + 1] ?? "Unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase(),
  ),
].map((name) => (name === "CANCELED" ? "CANCELLED" : name));
