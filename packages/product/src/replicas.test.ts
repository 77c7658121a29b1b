import { fromBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { reasonOf, systemEnvironment } from "@parley/rpc";
import { connectInMemory } from "@parley/rpc/testing";
import { describeReplicas } from "@parley/store/testing";
import { expect, test } from "vitest";
import { createProductModule, productMigrations } from "./index.ts";
import { sampleProducts } from "./sample-products.ts";

const uuid = (number: number) => `0d9d1f5e-6d0f-4a8e-9a55-${String(number).padStart(12, "0")}`;

describeReplicas("two replicas of the product service", (openReplicas) => {
  async function start(count = 2) {
    const replicas = await openReplicas(productMigrations, count);
    const environment = systemEnvironment({ name: "product", logLevel: "silent" });
    const modules = replicas.databases.map((database) =>
      createProductModule({ environment, database, sampleData: true }),
    );
    await Promise.all(modules.map((module) => module.start?.()));
    const transports = modules.map((module) => connectInMemory(module, environment));
    const [first, second = first] = transports as [(typeof transports)[0], (typeof transports)[0]];
    return {
      products: createClient(ProductService, first),
      inventories: [createClient(InventoryService, first), createClient(InventoryService, second)] as const,
      database: replicas.databases[0],
      async [Symbol.asyncDispose]() {
        await Promise.all(modules.map((module) => module.stop?.()));
        await replicas[Symbol.asyncDispose]();
      },
    };
  }
  type World = Awaited<ReturnType<typeof start>>;
  const stockOf = async ({ products }: World, id = "101") =>
    (await products.getProduct({ productId: id })).product?.stock;

  test("that start at the same time fill the catalogue once", async () => {
    await using world = await start(4);
    expect((await world.products.listProducts({})).products).toHaveLength(sampleProducts.length);
  });

  test("that receive the same order at the same time reserve its stock once", async () => {
    await using world = await start();
    const orders = Array.from({ length: 20 }, (_, number) => uuid(number));
    const answers = await Promise.all(
      orders.flatMap((orderId) =>
        world.inventories.map((inventory) =>
          inventory.reserveStock({ orderId, items: [{ productId: "101", quantity: 1 }] }),
        ),
      ),
    );
    expect(answers).toHaveLength(40);
    expect(await stockOf(world)).toBe(30);
  });

  test("that reserve and release the same orders at the same time lose no unit", async () => {
    await using world = await start();
    const [one, other] = world.inventories;
    const orders = Array.from({ length: 20 }, (_, number) => uuid(number));
    await Promise.all(
      orders.flatMap((orderId) => [
        one.reserveStock({ orderId, items: [{ productId: "101", quantity: 2 }] }).catch((error) => {
          expect(reasonOf(error)?.reason).toBe("ORDER_RELEASED");
        }),
        other.releaseStock({ orderId }),
        one.releaseStock({ orderId }),
      ]),
    );
    expect(await stockOf(world)).toBe(50);
  });

  test("sell no unit twice, and publish each change of stock", async () => {
    await using world = await start();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 80 }, (_, number) =>
        world.inventories[number % 2 === 0 ? 0 : 1].reserveStock({
          orderId: uuid(number),
          items: [
            { productId: number % 3 === 0 ? "101" : "102", quantity: 1 },
            { productId: number % 3 === 0 ? "102" : "101", quantity: 1 },
          ],
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(50);
    for (const outcome of outcomes) {
      // The schema's CHECK, a safeguard, would have another reason.
      if (outcome.status === "rejected") expect(reasonOf(outcome.reason)?.reason).toBe("INSUFFICIENT_STOCK");
    }
    expect(await stockOf(world)).toBe(0);
    const rows =
      (await world.database?.all<{ sequence: number; event: Uint8Array }>(
        "SELECT sequence, event FROM event_log ORDER BY sequence",
      )) ?? [];
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, index) => index + 1));
    // An event made from a stale read would carry a stock that the product never had.
    const stocks = new Map([
      ["101", 50],
      ["102", 200],
    ]);
    for (const { event } of rows) {
      const { payload } = fromBinary(EventSchema, event);
      if (payload.case !== "stockChanged") continue;
      const { productId, stock, delta } = payload.value;
      stocks.set(productId, (stocks.get(productId) ?? 0) + delta);
      expect(stock).toBe(stocks.get(productId));
    }
    expect([...stocks.values()]).toEqual([0, 150]);
  });

  test("that set a stock and sell a unit at the same time lose no sale", async () => {
    await using world = await start();
    const [one, other] = world.inventories;
    for (let round = 0; round < 15; round++) {
      const setting = one.updateStock({ productId: "101", change: { case: "stock", value: 100 } });
      const selling = other.updateStock({ productId: "101", change: { case: "delta", value: -1 } });
      const [set] = await Promise.all([setting, selling]);
      // A stock computed from a read before the sale would be 99.
      expect(set.product?.stock).toBe(100);
      expect([99, 100]).toContain(await stockOf(world));
    }
  });

  test("that receive a call and its repetition at the same time run it once and answer the same", async () => {
    await using world = await start();
    for (let round = 0; round < 10; round++) {
      const request = { productId: "103", change: { case: "delta" as const, value: 1 }, requestId: uuid(round) };
      const answers = await Promise.all(world.inventories.map((inventory) => inventory.updateStock(request)));
      expect(answers[0]).toEqual(answers[1]);
    }
    expect(await stockOf(world, "103")).toBe(160);
  });
});
