import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DependencyError, EtagMismatchError, OrderNotCancellableError, OrderNotFoundError } from "../order-errors.ts";
import { createTestOrders, type TestOrders } from "../testing/test-orders.ts";

const request = { userId: "1", items: [{ productId: "101", quantity: 2 }] };

describe("cancelling an order", () => {
  let orders: TestOrders;
  const laptops = () => orders.inventory.products.get("101")?.stock;

  beforeEach(async () => {
    orders = await createTestOrders();
  });
  afterEach(async () => {
    orders.stop();
    await orders.database.close();
  });

  it("releases the stock and publishes an event", async () => {
    const { id } = await orders.place(request);
    const order = await orders.cancel(id, { reason: "Too dear." });
    expect(order).toMatchObject({ phase: "CANCELLED", stateReason: "Too dear.", revision: 3 });
    expect(laptops()).toBe(50);
    expect(orders.eventTypes()).toEqual(["parley.order.confirmed.v1", "parley.order.cancelled.v1"]);
  });

  it("returns the same again, with or without the etag of the cancellation", async () => {
    const { id } = await orders.place(request);
    const order = await orders.cancel(id, { etag: "2" });
    expect(await orders.cancel(id, { etag: "2", reason: "Again." })).toEqual(order);
    expect(await orders.cancel(id)).toEqual(order);
    expect(orders.inventory.calls).toEqual(["reserve", "release"]);
  });

  it("makes one cancellation for concurrent callers", async () => {
    const { id } = await orders.place(request);
    const answers = await Promise.all([1, 2, 3].map(() => orders.cancel(id, { etag: "2" })));
    expect(answers.map(({ phase }) => phase)).toEqual(["CANCELLED", "CANCELLED", "CANCELLED"]);
    expect(orders.events).toHaveLength(2);
  });

  it("refuses an etag that is not the current one", async () => {
    const { id } = await orders.place(request);
    await expect(orders.cancel(id, { etag: "1" })).rejects.toThrow(EtagMismatchError);
    await orders.cancel(id);
    await expect(orders.cancel(id, { etag: "1" })).rejects.toThrow(EtagMismatchError);
  });

  it("refuses an order that is unknown, pending or rejected", async () => {
    await expect(orders.cancel("unknown")).rejects.toThrow(OrderNotFoundError);
    orders.inventory.onReserve = async (id) => {
      await expect(orders.cancel(id)).rejects.toThrow(OrderNotCancellableError);
    };
    await orders.place(request);
    await orders.place({ userId: "1", items: [{ productId: "101", quantity: 60 }] }).catch(() => undefined);
    const [rejected] = await orders.store.list({ state: "REJECTED" }, 1);
    await expect(orders.cancel(rejected?.id ?? "")).rejects.toThrow(/is rejected/);
  });

  it("stays confirmed while the stock cannot be released, and is finished by the next attempt", async () => {
    const { id } = await orders.place(request);
    orders.inventory.trouble.release = ["answer-lost"];
    await expect(orders.cancel(id, { reason: "First.", etag: "2" })).rejects.toThrow(DependencyError);
    expect(await orders.store.list({ state: "CONFIRMED" }, 1)).toMatchObject([{ id, revision: 2 }]);
    expect(await orders.cancel(id, { reason: "Second.", etag: "2" })).toMatchObject({ stateReason: "First." });
    expect(laptops()).toBe(50);
  });

  it("is finished by recovery without another attempt", async () => {
    const { id } = await orders.place(request);
    orders.inventory.trouble.release = ["lost"];
    await orders.cancel(id).catch(() => undefined);
    await orders.recovery.start();
    for (let tries = 0; tries < 100 && (await orders.store.get(id))?.phase !== "CANCELLED"; tries++) {
      await orders.clock.advance(200);
    }
    expect(await orders.store.get(id)).toMatchObject({ phase: "CANCELLED" });
    expect(orders.eventTypes()).toEqual(["parley.order.confirmed.v1", "parley.order.cancelled.v1"]);
  });
});
