import { type Environment, readFamily, valueFamily } from "@parley/rpc";
import type { Reader } from "@parley/store";

/** The counters of recovery. */
export interface RecoveryMetrics {
  /** Recovery settled `count` orders. */
  recovered(count: number): void;
  /** An attempt to settle an order failed. */
  failed(): void;
}

/** Phases in which a step of an order remains. */
const unsettledPhases = ["RESERVING", "RELEASING", "CANCELLING"];

/** Registers the metrics of unsettled orders. Each scrape reads them from the database. */
export function registerSagaMetrics(
  database: Reader,
  { metrics, clock }: Pick<Environment, "metrics" | "clock">,
): void {
  const readUnsettled = () =>
    database.all<{ phase: string; unsettled: number; oldest: number }>(
      "SELECT phase, COUNT(*) AS unsettled, MIN(update_time) AS oldest FROM orders WHERE due_time IS NOT NULL GROUP BY phase",
    );
  readFamily(metrics, {
    name: "parley_orders_unsettled",
    help: "Unsettled orders, by phase of their saga.",
    type: "gauge",
    async read() {
      const rows = await readUnsettled();
      return unsettledPhases.map((phase) => ({
        labels: { phase },
        value: rows.find((row) => row.phase === phase)?.unsettled ?? 0,
      }));
    },
  });
  readFamily(metrics, {
    name: "parley_orders_oldest_unsettled_age_seconds",
    help: "Age of the oldest unsettled order, by phase. 0: none.",
    type: "gauge",
    async read() {
      const rows = await readUnsettled();
      return unsettledPhases.map((phase) => {
        const oldest = rows.find((row) => row.phase === phase)?.oldest;
        return { labels: { phase }, value: oldest === undefined ? 0 : Math.max(0, clock.now() - oldest) / 1_000 };
      });
    },
  });
}

/** The counters of recovery. */
export function recoveryMetrics({ metrics }: Pick<Environment, "metrics">): RecoveryMetrics {
  const recovered = valueFamily(metrics, {
    name: "parley_orders_recovered_total",
    help: "Orders settled by recovery.",
    type: "counter",
  }).series({});
  const failed = valueFamily(metrics, {
    name: "parley_order_recovery_failures_total",
    help: "Failed attempts of recovery to settle an order.",
    type: "counter",
  }).series({});
  return {
    recovered(count) {
      recovered.value += count;
    },
    failed() {
      failed.value++;
    },
  };
}
