// Events over Redis, which stops and restarts.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../processes/eventually.ts";
import { allNotifications } from "../processes/every-page.ts";
import { type PlatformPrograms, startPlatformPrograms } from "../processes/platform-programs.ts";
import { findRedisServer } from "../processes/redis-program.ts";

const redisServer = findRedisServer();
if (redisServer === undefined) console.warn("Left out: events over Redis, since there is no redis-server.");

const soonMs = 10_000;
const backMs = 60_000;

describe.skipIf(redisServer === undefined)("with events over Redis", () => {
  let platform: PlatformPrograms;
  beforeAll(async () => {
    platform = await startPlatformPrograms(redisServer === undefined ? {} : { redisServer });
  }, 60_000);
  afterAll(() => platform?.dispose());

  async function order(): Promise<string> {
    const { order } = await platform.orders.createOrder({ userId: "1", items: [{ productId: "102", quantity: 1 }] });
    return order?.id ?? "";
  }

  async function hundredOrders(): Promise<ReadonlySet<string>> {
    await platform.inventory.updateStock({ productId: "102", change: { case: "stock", value: 1_000 } });
    const ids = new Set<string>();
    for (let round = 0; round < 10; round++) {
      for (const id of await Promise.all(Array.from({ length: 10 }, order))) ids.add(id);
    }
    return ids;
  }

  async function expectNotifiedOnce(ids: ReadonlySet<string>, limitMs: number) {
    const notifications = async () =>
      (await allNotifications(platform.notifications).catch(() => [])).filter(({ orderId }) => ids.has(orderId));
    await eventually(notifications, (found) => found.length >= ids.size, limitMs);
    // Long enough for duplicates to arrive, if there were any.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const found = await notifications();
    expect(found).toHaveLength(ids.size);
    expect(new Set(found.map(({ orderId }) => orderId))).toEqual(ids);
  }

  it("a buyer gets one notification of a confirmed order soon", async () => {
    await expectNotifiedOnce(new Set([await order()]), soonMs);
  });

  it("orders succeed while Redis is down, and each of 100 is notified once after it restarts", async () => {
    await platform.redis?.kill();
    const ids = await hundredOrders();
    expect(ids.size).toBe(100);
    await platform.redis?.start();
    await expectNotifiedOnce(ids, backMs);
  }, 90_000);

  it("each is notified once if Redis restarts without its data", async () => {
    const ids = await hundredOrders();
    await platform.redis?.kill();
    await platform.loseRedisData();
    await platform.redis?.start();
    await expectNotifiedOnce(ids, backMs);
  }, 90_000);

  it("each is notified once if the notification service was down instead", async () => {
    await platform.notification.kill();
    const ids = await hundredOrders();
    await platform.notification.start();
    await expectNotifiedOnce(ids, backMs);
  }, 90_000);
});
