import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock } from "@parley/rpc/testing";
import { openDatabase } from "@parley/store";
import { expect, test } from "vitest";
import { createFailedNotifications } from "./failed-notifications.ts";
import { notificationMigrations } from "./migrations/index.ts";
import { NotificationState } from "./notification.ts";
import { readDueNotifications } from "./notification-store.ts";

test("failed notifications of an earlier release are listed and redriven", async () => {
  const clock = createTestClock();
  const folder = await mkdtemp(join(tmpdir(), "parley-failed-"));
  const url = `sqlite:${join(folder, "notification.db")}`;
  try {
    const before = await openDatabase(url, { migrations: notificationMigrations.slice(0, 1) });
    await before.transaction(async (transaction) => {
      for (const [id, state] of [
        ["sent", NotificationState.SENT],
        ["lost", NotificationState.FAILED],
      ] as const) {
        await transaction.run(
          `INSERT INTO notification (id, user_id, kind, recipient, subject, body, order_id, product_id, state, attempts,
             next_attempt_time, create_time, send_time) VALUES (?, '1', 1, 'a@example.com', 's', 'b', 'o1', '', ?, 8, 0, 5, NULL)`,
          id,
          state,
        );
      }
    });
    await before.close();

    const database = await openDatabase(url, { migrations: notificationMigrations });
    let isDue = false;
    const onDue = () => {
      isDue = true;
    };
    const failed = createFailedNotifications({ database, clock, onDue });
    const { notifications } = await failed.list({ pageSize: 10, pageToken: "" });
    expect(notifications).toMatchObject([{ id: "lost", attempts: 8, cause: "", failTimeMs: undefined }]);
    expect(await failed.redrive(["sent"])).toEqual([]);
    expect(isDue).toBe(false);
    expect(await failed.redrive([])).toMatchObject([{ id: "lost", attempts: 0, retrySinceTimeMs: clock.now() }]);
    expect(isDue).toBe(true);
    expect(await readDueNotifications(database, { nowMs: clock.now(), limit: 10 })).toMatchObject([
      { id: "lost", state: NotificationState.PENDING },
    ]);
    await database.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
