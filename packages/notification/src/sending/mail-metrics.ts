import { type Environment, readFamily } from "@parley/rpc";
import type { Reader } from "@parley/store";

/** The states that are counted, with their numbers in the schema. Sent notifications are not counted: their number grows without limit. */
const states = [
  [1, "pending"],
  [3, "failed"],
] as const;

/** Registers the metrics of unsent notifications. Each scrape reads them from the database. */
export function registerMailMetrics(
  database: Reader,
  { metrics, clock }: Pick<Environment, "metrics" | "clock">,
): void {
  readFamily(metrics, {
    name: "parley_notifications",
    help: "Notifications by state: pending, failed; up to 100,000 of each.",
    type: "gauge",
    async read() {
      return await Promise.all(
        states.map(async ([state, name]) => {
          const rows = `SELECT 1 AS one FROM notification WHERE state = ${state} LIMIT ${countedMax}`;
          const sql = `SELECT COUNT(*) AS found FROM (${rows}) AS counted`;
          const row = await database.get<{ found: number }>(sql);
          return { labels: { state: name }, value: row?.found ?? 0 };
        }),
      );
    },
  });
  readFamily(metrics, {
    name: "parley_notifications_oldest_pending_age_seconds",
    help: "Age of the oldest pending notification. 0: none is pending.",
    type: "gauge",
    async read() {
      const row = await database.get<{ oldest: number | null }>(
        `SELECT MIN(create_time) AS oldest FROM
           (SELECT create_time FROM notification WHERE state = 1 LIMIT ${countedMax}) AS pending`,
      );
      const oldest = row?.oldest ?? undefined;
      return [{ labels: {}, value: oldest === undefined ? 0 : Math.max(0, clock.now() - oldest) / 1_000 }];
    },
  });
}

/** Counting reads every row, so it stops here. */
const countedMax = 100_000;
