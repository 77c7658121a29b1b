import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@parley/store";
import { expect, test } from "vitest";
import { eventMigrations } from "./event-migrations.ts";

test("waiting events of an earlier release's log still wait", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-event-log-"));
  try {
    const url = `sqlite:${join(folder, "events.db")}`;
    const before = await openDatabase(url, { migrations: eventMigrations.slice(0, 1) });
    await before.transaction(async (transaction) => {
      const insert = "INSERT INTO event_log VALUES (NULL, 't', ?, ?, 5, ?, x'0a')";
      await transaction.run(insert, 1, "done", 1);
      await transaction.run(insert, 2, "waits", 0);
    });
    await before.close();
    const after = await openDatabase(url, { migrations: eventMigrations });
    expect(await after.all("SELECT * FROM event_log")).toMatchObject([
      { sequence: 1, type: "t", create_time: 5 },
      { sequence: 2, type: "t", create_time: 5 },
    ]);
    expect(await after.all("SELECT * FROM event_waiting")).toEqual([
      { sequence: 2, partition_number: 2, partition_key: "waits" },
    ]);
    await after.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
