import type { Registry } from "prom-client";
import { valueFamily } from "../metric-family.ts";

/** What became of the telemetry of one signal. */
export interface ExportMetrics {
  exported(count: number): void;
  dropped(reason: DropReason, count: number): void;
}

/** Why something was not exported. */
export type DropReason = "queue-full" | "unreachable" | "refused" | "rejected" | "not-encoded" | "closed";

/** Counts what is exported and what is dropped: `signal` is `traces`, `logs` or `metrics`. */
export function exportMetrics(registry: Registry, signal: string): ExportMetrics {
  const exported = valueFamily(registry, {
    name: "parley_telemetry_exported_total",
    help: "Spans, log records and metrics that a collector took over OTLP.",
    type: "counter",
  }).series({ signal });
  const family = valueFamily(registry, {
    name: "parley_telemetry_dropped_total",
    help: "Spans, log records and metrics that were not exported, by reason: queue-full, unreachable, refused, rejected, not-encoded, closed.",
    type: "counter",
  });
  // There from the start, so that a rate can be taken of the first drop.
  family.series({ signal, reason: "queue-full" });
  family.series({ signal, reason: "unreachable" });
  return {
    exported(count) {
      exported.value += count;
    },
    dropped(reason, count) {
      if (count > 0) {
        family.series({ signal, reason }).value += count;
      }
    },
  };
}
