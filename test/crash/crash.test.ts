// The short form of `npm run test:crash`, with proof that it detects corruption in real databases. invariants.test.ts covers each
// check.
import { DatabaseSync } from "node:sqlite";
import { NotificationKind } from "@parley/gen/notification/v1/notification_pb.js";
import { expect, it } from "vitest";
import type { PlatformPrograms } from "../processes/platform-programs.ts";
import { findRedisServer } from "../processes/redis-program.ts";
import { crashRun } from "./crash-run.ts";
import { reportText } from "./report.ts";

const redisServer = findRedisServer();
if (redisServer === undefined)
  console.warn("Left out: crashes with events over Redis, since there is no redis-server.");

/** The time to start, to inject faults, and for the slowest recovery. */
const timeoutMs = 150_000;

it.each(["direct", "redis"])(
  "keeps every invariant while services are killed and stopped, with events over %s",
  async (broker) => {
    if (broker === "redis" && redisServer === undefined) return;
    const overRedis = broker === "redis" && redisServer !== undefined ? { redisServer } : {};
    const report = await crashRun({ seconds: 3, seed: Date.now() % 1_000_000, ...overRedis });
    expect(report.violations, reportText(report)).toEqual([]);
    // The run must have placed orders and injected faults.
    expect(report.acknowledged, reportText(report)).toBeGreaterThan(5);
    expect(report.kills + report.stops + report.drains, reportText(report)).toBeGreaterThan(0);
  },
  timeoutMs,
);

it(
  "reports an order, a unit and a notification that are missing in the databases, with evidence",
  async () => {
    const report = await crashRun({ seconds: 1, seed: 1, plant: spoil });
    const found = new Set(report.violations.map(({ invariant }) => invariant));
    expect([...found]).toEqual(
      expect.arrayContaining([
        "every acknowledged order exists as acknowledged",
        "stock = initial stock + restocks - sold units",
        "one notification for each confirmation and each cancellation",
      ]),
    );
    expect(reportText(report)).toMatch(
      /VIOLATED: every acknowledged order .*\n.* was acknowledged as .*, which does not exist/,
    );
    expect(reportText(report)).toContain("Last lines of order:");
  },
  timeoutMs,
);

function spoil({ databasePath }: PlatformPrograms) {
  const run = (service: Parameters<typeof databasePath>[0], sql: string) => {
    const database = new DatabaseSync(databasePath(service), { timeout: 5_000 });
    database.exec(sql);
    database.close();
  };
  run("order", "DELETE FROM orders WHERE id = (SELECT MAX(id) FROM orders WHERE state = 'CONFIRMED')");
  run("product", "UPDATE products SET stock = stock - 1 WHERE name = 'Postcard'");
  run(
    "notification",
    `DELETE FROM notification WHERE sequence IN
       (SELECT sequence FROM notification WHERE kind = ${NotificationKind.ORDER_CONFIRMED} ORDER BY sequence DESC LIMIT 2)`,
  );
}
