import type { Registry } from "prom-client";
import { valueFamily } from "../metric-family.ts";

/** Counts exported and dropped items of one signal. */
export interface ExportMetrics {
  exported(count: number): void;
  dropped(reason: DropReason, count: number): void;
}

/** Why an item was dropped. */
export type DropReason = "queue-full" | "unreachable" | "refused" | "rejected" | "not-encoded" | "closed";

/** Counts exported and dropped items. `signal` is `traces`, `logs` or `metrics`. */
export function exportMetrics(registry: Registry, signal: string): ExportMetrics {
  const exported = valueFamily(registry, {
    name: "parley_telemetry_exported_total",
    help: "Spans, log records and metrics accepted by the collector over OTLP.",
    type: "counter",
  }).series({ signal });
  const family = valueFamily(registry, {
    name: "parley_telemetry_dropped_total",
    help: "Spans, log records and metrics that were not exported, by reason: queue-full, unreachable, refused, rejected, not-encoded, closed.",
    type: "counter",
  });
  // Created at the start, so that a rate includes the first drop.
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
