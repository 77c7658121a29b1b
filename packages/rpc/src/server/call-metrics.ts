import { Code } from "@connectrpc/connect";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** The metrics of all calls of a server: gRPC's proposal A66, with the names spelt as Prometheus does. */
export interface CallMetrics {
  method(fullName: string): MethodMetrics;
  readonly inFlight: { inc(): void; dec(): void };
  readonly shed: { inc(): void };
}

/** Those of one method. */
export interface MethodMetrics {
  started(): void;
  /** @param code undefined for OK */
  ended(code: Code | undefined, seconds: number): void;
}

/** The metrics in the registry, made if they are not there yet, since services that run in one process share one. */
export function createCallMetrics(registry: Registry): CallMetrics {
  const registers = [registry];
  const started =
    (registry.getSingleMetric("grpc_server_call_started_total") as Counter | undefined) ??
    new Counter({
      name: "grpc_server_call_started_total",
      help: "Calls that came in (A66: grpc.server.call.started).",
      labelNames: ["grpc_method"],
      registers,
    });
  const duration =
    (registry.getSingleMetric("grpc_server_call_duration_seconds") as Histogram | undefined) ??
    new Histogram({
      name: "grpc_server_call_duration_seconds",
      help: "From a call's first bytes to its answer (A66: grpc.server.call.duration).",
      labelNames: ["grpc_method", "grpc_status"],
      buckets: durationBucketsSeconds,
      registers,
    });
  const inFlight =
    (registry.getSingleMetric("parley_server_calls_in_flight") as Gauge | undefined) ??
    new Gauge({ name: "parley_server_calls_in_flight", help: "Calls under way.", registers });
  const shed =
    (registry.getSingleMetric("parley_server_calls_shed_total") as Counter | undefined) ??
    new Counter({ name: "parley_server_calls_shed_total", help: "Calls turned away under load.", registers });
  return {
    inFlight,
    shed,
    method(fullName) {
      const startedChild = started.labels(fullName);
      const durations = statusNames.map((status) => duration.labels(fullName, status));
      return {
        started: () => startedChild.inc(),
        ended: (code, seconds) => durations[code ?? 0]?.observe(seconds),
      };
    },
  };
}

/** What A66 recommends, from 10 µs on rounded to what an order platform can tell apart. */
const durationBucketsSeconds = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** The status names of gRPC by number. */
export const statusNames: readonly string[] = [
  "OK",
  ...Array.from({ length: 16 }, (_, index) =>
    (Code[index + 1] ?? "Unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase(),
  ),
].map((name) => (name === "CANCELED" ? "CANCELLED" : name));
