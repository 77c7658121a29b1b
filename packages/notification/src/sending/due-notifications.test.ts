import { createTestClock, type TestClock } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Notification, NotificationKind, newNotification, settle } from "../notification.ts";
import { notificationMigrations } from "../notification-module.ts";
import { insertNotifications, updateNotifications } from "../notification-store.ts";
import { DueNotifications } from "./due-notifications.ts";

let clock: TestClock;
let database: Database;
let due: DueNotifications;
let count = 0;

beforeEach(async () => {
  clock = createTestClock();
  database = await openTestDatabase({ migrations: notificationMigrations, clock });
  due = new DueNotifications({ database, clock });
  await due.take();
});

afterEach(() => database.close());

/** Inserts notifications that are due after a while, at once by default. */
async function write(howMany: number, afterMs = 0): Promise<readonly Notification[]> {
  const notifications = Array.from({ length: howMany }, () =>
    newNotification({
      id: `n${++count}`,
      kind: NotificationKind.TEST,
      recipient: "alice@example.com",
      subject: "",
      body: "",
      createTimeMs: clock.now(),
    }),
  );
  const written = notifications.map((notification) => ({
    notification,
    firstAttemptTimeMs: clock.now() + afterMs,
  }));
  await database.transaction((transaction) => insertNotifications(transaction, written));
  return notifications;
}

/** Takes all due notifications, as a sender does: each batch is settled before the next is taken. */
async function takeAll(): Promise<readonly string[]> {
  const ids: string[] = [];
  while (due.waitMs() === 0) {
    const taken = await due.take();
    ids.push(...taken.map(({ id }) => id));
    const settled = taken.map((notification) => settle(notification, { kind: "sent", timeMs: clock.now() }));
    await database.transaction((transaction) =>
      updateNotifications(transaction, settled, { nextAttemptTimeMs: clock.now() }),
    );
  }
  return ids;
}

const idsOf = (notifications: readonly Notification[]) => notifications.map(({ id }) => id);

test("new notifications are not read from the database", async () => {
  const read = vi.spyOn(database, "all");
  const written = await write(5);
  due.handOver(written);
  expect(await takeAll()).toEqual(idsOf(written));
  expect(read).not.toHaveBeenCalled();
  expect(due.waitMs()).toBeGreaterThan(0);
});

test("notifications from before a restart are read at the start, and later ones when they are due", async () => {
  const left = await write(250);
  const later = await write(1, 5_000);
  due = new DueNotifications({ database, clock });
  expect(await takeAll()).toEqual(idsOf(left));
  expect(due.waitMs()).toBe(5_000);
  await clock.advance(5_000);
  expect(await takeAll()).toEqual(idsOf(later));
});

test("retries are not delayed by a stream of new notifications", async () => {
  const again = await write(1, 1_000);
  due.readAfter(1_000);
  await clock.advance(1_000);
  due.handOver(await write(1));
  expect(idsOf(await due.take())).toEqual(idsOf(again));
});

test("notifications beyond the buffer are read, each once", async () => {
  const written = [...(await write(1_500)), ...(await write(700))];
  due.handOver(written.slice(0, 1_500));
  due.handOver(written.slice(1_500));
  const taken = await takeAll();
  expect(taken).toHaveLength(written.length);
  expect(new Set(taken)).toEqual(new Set(idsOf(written)));
});

test("a notification that was both read and passed in memory is taken once", async () => {
  const written = await write(3);
  due.readAfter(0);
  const taken = await due.take();
  due.handOver(written);
  expect(idsOf(taken)).toEqual(idsOf(written));
  expect(await due.take()).toEqual([]);
});
