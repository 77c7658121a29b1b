import { openTestDatabase } from "@parley/store/testing";
import { expect, test } from "vitest";
import { eventMigrations } from "../log/event-migrations.ts";
import { pruneLog } from "./prune-log.ts";

test("events with a wrong time do not keep old ones from being pruned, and are pruned in time", async () => {
  const database = await openTestDatabase({ migrations: eventMigrations });
  const dayMs = 24 * 60 * 60 * 1000;
  const nowMs = Date.UTC(2026, 0, 1);
  await database.transaction(async (transaction) => {
    for (let number = 0; number < 1_201; number++) {
      const timeMs = number < 600 ? nowMs + 365 * dayMs : number < 1_200 ? nowMs - 2 * dayMs : nowMs - 1;
      await transaction.run(
        "INSERT INTO event_log (type, create_time, event) VALUES ('t', ?, ?)",
        timeMs,
        new Uint8Array(),
      );
    }
  });
  const count = async () => (await database.get<{ n: number }>("SELECT COUNT(*) AS n FROM event_log"))?.n;
  await pruneLog(database, { beforeMs: nowMs - dayMs, nowMs });
  expect(await count()).toBe(601);
  await pruneLog(database, { beforeMs: nowMs + 1, nowMs: nowMs + dayMs + 1 });
  expect(await count()).toBe(0);
  await database.close();
});
