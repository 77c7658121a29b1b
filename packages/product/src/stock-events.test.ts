import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { Broker } from "@parley/events";
import { publishedEvents } from "@parley/events/testing";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { testPostgresUrl } from "@parley/store/testing";
import { expect, test } from "vitest";
import { refusal } from "./testing/refusal.ts";
import { openProductService, type TestProductService } from "./testing/test-product-service.ts";

const lines = [
  { productId: "102", quantity: 3 },
  { productId: "101", quantity: 2 },
];

test("StockLow is published once when stock falls to the threshold, and again only after it rose above", async () => {
  await using service = await openProductService();
  const setTo = (value: number) =>
    service.inventory.updateStock({ productId: "101", change: { case: "stock", value } });
  await setTo(11);
  expect(await publishedLowStocks(service)).toEqual([]);
  await service.inventory.reserveStock({ orderId: "a", items: [{ productId: "101", quantity: 1 }] });
  await service.inventory.reserveStock({ orderId: "b", items: [{ productId: "101", quantity: 1 }] });
  expect(await publishedLowStocks(service)).toEqual([10]);
  await service.inventory.releaseStock({ orderId: "b" });
  await setTo(4);
  expect(await publishedLowStocks(service)).toEqual([10]);
  await service.inventory.releaseStock({ orderId: "a" });
  await setTo(30);
  await setTo(0);
  expect(await publishedLowStocks(service)).toEqual([10, 0]);
  await setTo(20);
  await service.products.updateProduct({ product: { id: "101", lowStockThreshold: 25 } });
  await service.products.updateProduct({ product: { id: "101", lowStockThreshold: 26 } });
  expect(await publishedLowStocks(service)).toEqual([10, 0, 20]);
});

test("a refused reservation causes no event", async () => {
  await using service = await openProductService();
  const items = [
    { productId: "101", quantity: 45 },
    { productId: "102", quantity: 201 },
  ];
  await refusal(service.inventory.reserveStock({ orderId: "o", items }));
  expect(await service.database.all("SELECT * FROM event_log")).toEqual([]);
});

test("StockLow is published, and StockChanged is only for watchers", async () => {
  const published: string[] = [];
  const broker: Broker = {
    async publish(events) {
      published.push(...publishedEvents(events).map(({ type, subject }) => `${type} ${subject}`));
      return [];
    },
    async close() {},
  };
  await using service = await openProductService(broker);
  await service.inventory.reserveStock({ orderId: "o", items: [{ productId: "101", quantity: 45 }] });
  await service.inventory.releaseStock({ orderId: "o" });
  const publishedSoon = async () => {
    await service.clock.advance(1_000);
    return published;
  };
  await expect.poll(publishedSoon).toEqual(["parley.stock.low.v1 101"]);
});

test("watchers get each change in order, of the requested products, and resume after a position", async () => {
  await using service = await openProductService();
  const ending = new AbortController();
  const seen: [string, number, number, string][] = [];
  const watch = async (count: number, options: { productIds?: string[]; afterPosition?: string }) => {
    for await (const change of service.inventory.watchStock(options, { signal: ending.signal })) {
      seen.push([change.productId, change.stock, change.delta, change.position]);
      if (seen.length === count) {
        return;
      }
    }
  };
  const first = watch(3, { productIds: ["101"] });
  await service.clock.settle();
  await service.inventory.reserveStock({ orderId: "o", items: lines });
  await service.inventory.updateStock({ productId: "102", change: { case: "stock", value: 5 } });
  await service.inventory.updateStock({ productId: "101", change: { case: "delta", value: 10 } });
  await service.inventory.releaseStock({ orderId: "o" });
  await first;
  expect(seen.map(([id, stock, delta]) => [id, stock, delta])).toEqual([
    ["101", 48, -2],
    ["101", 58, 10],
    ["101", 60, 2],
  ]);
  const afterPosition = seen[0]?.[3] ?? "";
  seen.length = 0;
  await watch(4, { afterPosition });
  expect(seen.map(([id, stock]) => [id, stock])).toEqual([
    ["102", 197],
    ["102", 5],
    ["101", 58],
    ["101", 60],
  ]);
  ending.abort();
});

test("the changes of one commit become one event, and so does StockLow", async () => {
  await using service = await openProductService();
  const { database, inventory } = service;
  await inventory.updateStock({ productId: "101", change: { case: "stock", value: 13 } });
  const { last } = (await database.get<{ last: number }>("SELECT MAX(sequence) AS last FROM event_log")) ?? { last: 0 };
  await Promise.all(
    [1, 2, 3, 4].map((quantity) =>
      inventory.reserveStock({ orderId: `o${quantity}`, items: [{ productId: "101", quantity }] }),
    ),
  );
  const rows = await database.all<{ event: Uint8Array }>("SELECT event FROM event_log WHERE sequence > ?", last);
  const events = rows.map((row) => fromBinary(EventSchema, row.event));
  if (testPostgresUrl !== undefined) {
    // With PostgreSQL, the calls that share a commit depend on timing. The sum of the events is the same.
    expect(stockAfter(events)).toEqual({ stock: 3, delta: -10 });
    return;
  }
  expect(events.map(({ payload }) => payload)).toMatchObject([
    { case: "stockChanged", value: { stock: 3, delta: -10 } },
    { case: "stockLow", value: { stock: 3 } },
  ]);
  expect(events[0]?.requestId).toBe("");
  expect(events[1]?.requestId).not.toBe("");
});

test("a stock that fell low and rose again within one commit causes no StockLow", async () => {
  await using service = await openProductService();
  const { database, inventory } = service;
  await inventory.updateStock({ productId: "101", change: { case: "stock", value: 13 } });
  const { last } = (await database.get<{ last: number }>("SELECT MAX(sequence) AS last FROM event_log")) ?? { last: 0 };
  await Promise.all([
    inventory.reserveStock({ orderId: "o", items: [{ productId: "101", quantity: 5 }] }),
    inventory.updateStock({ productId: "101", change: { case: "delta", value: 10 } }),
  ]);
  const rows = await database.all<{ event: Uint8Array }>("SELECT event FROM event_log WHERE sequence > ?", last);
  const events = rows.map((row) => fromBinary(EventSchema, row.event));
  if (testPostgresUrl !== undefined) {
    expect(stockAfter(events)).toEqual({ stock: 18, delta: 5 });
    return;
  }
  expect(events.map(({ payload }) => payload)).toMatchObject([
    { case: "stockChanged", value: { stock: 18, delta: 5 } },
  ]);
});

test("an invalid position is refused", async () => {
  await using service = await openProductService();
  const watched = (async () => {
    for await (const _change of service.inventory.watchStock({ afterPosition: "nowhere" })) {
      expect.fail("a change was received");
    }
  })();
  expect(await refusal(watched)).toMatchObject({ code: Code.InvalidArgument, reason: "INVALID_POSITION" });
});

/** The last stock and the sum of the deltas of the published changes. */
function stockAfter(events: readonly Event[]) {
  const changes = events.flatMap(({ payload }) => (payload.case === "stockChanged" ? [payload.value] : []));
  return { stock: changes.at(-1)?.stock, delta: changes.reduce((sum, { delta }) => sum + delta, 0) };
}

async function publishedLowStocks({ database }: TestProductService): Promise<number[]> {
  const rows = await database.all<{ event: Uint8Array }>("SELECT event FROM event_log ORDER BY sequence");
  return rows.flatMap((row) => {
    const { payload } = fromBinary(EventSchema, row.event);
    return payload.case === "stockLow" ? [payload.value.stock] : [];
  });
}
