// From an order to its notification, over real processes, with direct delivery of events between services.
import { DatabaseSync } from "node:sqlite";
import { NotificationKind, NotificationState } from "@parley/gen/notification/v1/notification_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../processes/eventually.ts";
import { allNotifications } from "../processes/every-page.ts";
import { type PlatformPrograms, startPlatformPrograms } from "../processes/platform-programs.ts";

/** The time to a notification: a tenth of a second on an idle machine, with a margin for a busy one. */
const soonMs = 5_000;
/** More than five attempts with their backoff take. */
const triesMs = 20_000;

let platform: PlatformPrograms;
beforeAll(async () => {
  platform = await startPlatformPrograms();
}, 60_000);
afterAll(() => platform?.dispose());

async function order(userId: string, productId = "102", quantity = 1): Promise<string> {
  const { order } = await platform.orders.createOrder({ userId, items: [{ productId, quantity }] });
  return order?.id ?? "";
}

const about = async (orderId: string) => (await platform.notifications.listNotifications({ orderId })).notifications;
const alerts = async () =>
  (await platform.notifications.listNotifications({ kind: NotificationKind.STOCK_LOW })).notifications;
const some = (found: readonly unknown[]) => found.length > 0;
const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

describe("a buyer", () => {
  it("gets one notification of a confirmed order soon", async () => {
    const id = await order("1");
    await eventually(() => about(id), some, soonMs);
    // Long enough for a duplicate to arrive, if there were one.
    await pause(500);
    expect(await about(id)).toMatchObject([
      {
        kind: NotificationKind.ORDER_CONFIRMED,
        userId: "1",
        recipient: "alice@example.com",
        state: NotificationState.SENT,
      },
    ]);
  });

  it("gets one notification of a cancelled order, however often it is cancelled", async () => {
    const orderId = await order("2");
    await Promise.all([1, 2, 3].map(() => platform.orders.cancelOrder({ orderId })));
    await eventually(
      () => about(orderId),
      (found) => found.length > 1,
      soonMs,
    );
    await pause(500);
    const kinds = (await about(orderId)).map(({ kind }) => kind);
    expect(kinds).toEqual([NotificationKind.ORDER_CANCELLED, NotificationKind.ORDER_CONFIRMED]);
  });
});

describe("the shop", () => {
  it("gets one alert when headphones fall to their threshold, and another only after they rose above it", async () => {
    await order("1", "105", 89);
    const atEleven = await order("1", "105", 1);
    await eventually(() => about(atEleven), some, soonMs);
    // The alert belongs to the order that changes the stock from 11 to 10.
    const last = [await order("1", "105", 1), await order("1", "105", 1), await order("1", "105", 1)];
    await eventually(() => about(last[2] ?? ""), some, soonMs);
    await eventually(alerts, some, soonMs);
    await pause(500);
    expect(await alerts()).toMatchObject([{ productId: "105", recipient: "shop@example.com" }]);

    await platform.inventory.updateStock({ productId: "105", change: { case: "delta", value: 5 } });
    await order("1", "105", 3);
    await eventually(alerts, (found) => found.length > 1, soonMs);
    await pause(500);
    expect(await alerts()).toHaveLength(2);
  });
});

describe("while the notification service is down", () => {
  it("orders succeed, and each of 100 is notified once after it restarts", async () => {
    await platform.notification.kill();
    const ids = new Set<string>();
    for (let round = 0; round < 10; round++) {
      for (const id of await Promise.all(Array.from({ length: 10 }, () => order("1", "103")))) ids.add(id);
    }
    expect(ids.size).toBe(100);
    await platform.notification.start();
    const notifications = async () =>
      (await allNotifications(platform.notifications).catch(() => [])).filter(({ orderId }) => ids.has(orderId));
    // The source's backoff has grown to a few seconds.
    await eventually(notifications, (found) => found.length >= 100, 60_000);
    await pause(1_000);
    const found = await notifications();
    expect(found).toHaveLength(100);
    expect(new Set(found.map(({ orderId }) => orderId)).size).toBe(100);
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set([NotificationKind.ORDER_CONFIRMED]));
  }, 90_000);
});

describe("an event that its subscriber fails to process", () => {
  /** Makes the notification service fail on every write for user 3, like a bug of its own; or repairs it. */
  async function restartNotification({ fails }: { readonly fails: boolean }) {
    await platform.notification.kill();
    const database = new DatabaseSync(platform.databasePath("notification"));
    database.exec(
      fails
        ? `CREATE TRIGGER planted BEFORE INSERT ON notification WHEN NEW.user_id = '3'
             BEGIN SELECT RAISE(ABORT, 'planted: user 3 cannot be notified'); END`
        : "DROP TRIGGER planted",
    );
    database.close();
    await platform.notification.start();
  }
  const deadLetters = async () => (await platform.notifications.listDeadLetters({})).deadLetters;

  it("does not block others, is dead-lettered with its cause, and is delivered once after the repair", async () => {
    await restartNotification({ fails: true });
    const stuck = await order("3");
    const others = [await order("1"), await order("2"), await order("1")];
    for (const id of others) expect(await eventually(() => about(id), some, triesMs)).toHaveLength(1);

    const [letter] = await eventually(deadLetters, some, triesMs);
    expect(letter).toMatchObject({ eventType: "parley.order.confirmed.v1", subject: stuck, attempts: 5 });
    expect(letter?.cause).toContain("planted: user 3 cannot be notified");
    expect(await deadLetters()).toHaveLength(1);
    expect(await about(stuck)).toEqual([]);

    // Redriven too early, it stays a dead letter with one attempt more.
    const eventIds = [letter?.eventId ?? ""];
    const tooEarly = await platform.notifications.redriveDeadLetters({ eventIds });
    expect(tooEarly).toMatchObject({ deliveredEventIds: [], deadLetters: [{ attempts: 6 }] });

    await restartNotification({ fails: false });
    const redriven = await eventually(
      () => platform.notifications.redriveDeadLetters({ eventIds }).catch(() => undefined),
      (answer) => answer !== undefined,
    );
    expect(redriven).toMatchObject({ deliveredEventIds: eventIds, deadLetters: [] });
    expect(await deadLetters()).toEqual([]);
    await platform.notifications.redriveDeadLetters({ eventIds });
    expect(await about(stuck)).toHaveLength(1);
  }, 90_000);
});
