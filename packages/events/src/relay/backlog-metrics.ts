import { type Environment, readFamily } from "@parley/rpc";
import type { Reader } from "@parley/store";

/** Registers the metrics of events whose effect is not yet durable. Each scrape reads them from the database. */
export function registerBacklogMetrics(
  database: Reader,
  { metrics, clock }: Pick<Environment, "metrics" | "clock">,
): void {
  readFamily(metrics, {
    name: "parley_events_waiting",
    help: "Events written and not yet acknowledged by their consumers, up to 100,000.",
    type: "gauge",
    async read() {
      const row = await database.get<{ waiting: number }>(
        `SELECT COUNT(*) AS waiting FROM (SELECT 1 AS one FROM event_waiting LIMIT ${countedMax}) AS counted`,
      );
      return [{ labels: {}, value: row?.waiting ?? 0 }];
    },
  });
  readFamily(metrics, {
    name: "parley_events_oldest_waiting_age_seconds",
    help: "Age of the oldest event that is not acknowledged yet. 0: none.",
    type: "gauge",
    async read() {
      const row = await database.get<{ create_time: number }>(
        "SELECT create_time FROM event_log WHERE sequence = (SELECT MIN(sequence) FROM event_waiting)",
      );
      return [{ labels: {}, value: row === undefined ? 0 : Math.max(0, clock.now() - row.create_time) / 1_000 }];
    },
  });
}

/** Counting reads every row, so it stops here. */
const countedMax = 100_000;
