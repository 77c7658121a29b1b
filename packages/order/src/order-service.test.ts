import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { OutgoingEvent } from "@parley/events";
import { type Order, OrderState } from "@parley/gen/order/v1/order_pb.js";
import { OrderService, type WatchOrdersResponse } from "@parley/gen/order/v1/order_service_pb.js";
import { reasonOf, systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import type { ServiceModule } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { openTestDatabase, testDatabasesIdle } from "@parley/store/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createOrderModule, orderMigrations } from "./index.ts";
import { createTestInventory, type TestInventory } from "./testing/test-inventory.ts";
import { createTestUsers } from "./testing/test-orders.ts";

const laptop = { productId: "101", quantity: 1 };
const requestId = "018F0000-0000-7000-8000-00000000000A";

describe("the order service", () => {
  let module: ServiceModule;
  let inventory: TestInventory;
  let orders: Client<typeof OrderService>;

  beforeEach(async () => {
    const environment = systemEnvironment({ name: "order", logLevel: "silent" });
    const database = await openTestDatabase({ migrations: orderMigrations });
    inventory = createTestInventory(environment.clock);
    module = createOrderModule({ environment, database, users: createTestUsers(), inventory });
    await module.start?.();
    orders = createServiceClient(OrderService, connectInMemory(module, environment), { environment });
  });
  afterEach(async () => {
    await module.stop?.();
  });

  async function place(userId = "1", items = [laptop]): Promise<Order> {
    const { order } = await orders.createOrder({ userId, items });
    if (order === undefined) throw new Error("no order");
    return order;
  }

  async function refusal(call: Promise<unknown>) {
    const error = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof ConnectError)) throw new Error("the call was not refused", { cause: error });
    return { code: error.code, message: error.rawMessage, ...reasonOf(error) };
  }

  it("returns the order as the contract's message", async () => {
    const order = await place("1", [
      { productId: "101", quantity: 2 },
      { productId: "102", quantity: 1 },
    ]);
    expect(order).toMatchObject({
      userId: "1",
      userName: "Alice Johnson",
      userEmail: "alice@example.com",
      state: OrderState.CONFIRMED,
      stateReason: "",
      totalPrice: { currencyCode: "USD", units: 2029n, nanos: 970_000_000 },
      items: [
        { productId: "101", productName: "Laptop", quantity: 2, totalPrice: { units: 1999n, nanos: 980_000_000 } },
        { productId: "102", productName: "Mouse", quantity: 1, unitPrice: { units: 29n, nanos: 990_000_000 } },
      ],
    });
    expect(order.etag).not.toBe("");
    expect((await orders.getOrder({ orderId: order.id })).order).toEqual(order);
  });

  it("treats request ids case-insensitively", async () => {
    const { order } = await orders.createOrder({ userId: "1", items: [laptop], requestId });
    const again = await orders.createOrder({ userId: "1", items: [laptop], requestId: requestId.toLowerCase() });
    expect(again.order).toEqual(order);
  });

  it.each([
    [
      "an unknown user",
      { userId: "unknown-user", items: [laptop] },
      Code.NotFound,
      "USER_NOT_FOUND",
      { userId: "unknown-user" },
    ],
    ["a user who may not buy", { userId: "barred", items: [laptop] }, Code.FailedPrecondition, "USER_NOT_ALLOWED", {}],
    [
      "an unknown product",
      { userId: "1", items: [{ productId: "x", quantity: 1 }] },
      Code.NotFound,
      "PRODUCT_NOT_FOUND",
      { productId: "x" },
    ],
    [
      "too little stock",
      { userId: "1", items: [{ productId: "101", quantity: 60 }] },
      Code.FailedPrecondition,
      "INSUFFICIENT_STOCK",
      { productId: "101", requested: "60", available: "50", orderId: expect.any(String) },
    ],
    [
      "two currencies",
      { userId: "1", items: [laptop, { productId: "900", quantity: 1 }] },
      Code.FailedPrecondition,
      "MIXED_CURRENCIES",
      { currencies: "USD,EUR" },
    ],
  ])("refuses %s with code, reason and metadata", async (_, request, code, reason, metadata) => {
    expect(await refusal(orders.createOrder(request))).toMatchObject({ code, reason, metadata });
  });

  it("refuses a used request id with another body", async () => {
    await orders.createOrder({ userId: "1", items: [laptop], requestId });
    const other = orders.createOrder({ userId: "1", items: [{ productId: "102", quantity: 1 }], requestId });
    expect(await refusal(other)).toMatchObject({ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" });
  });

  it("names the unavailable service", async () => {
    inventory.trouble.always = "never-sent";
    expect(await refusal(place())).toMatchObject({
      code: Code.Unavailable,
      message: "The product service is unavailable.",
      reason: "DEPENDENCY_UNAVAILABLE",
      metadata: { service: "product.v1.InventoryService", orderId: expect.any(String) },
    });
    expect(await refusal(orders.getOrder({ orderId: "x" }))).toMatchObject({
      code: Code.NotFound,
      reason: "ORDER_NOT_FOUND",
    });
  });

  it("continues the order when its caller disconnects", async () => {
    const gone = new AbortController();
    inventory.onReserve = async () => {
      gone.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const request = { userId: "1", items: [laptop], requestId };
    expect(await refusal(orders.createOrder(request, { signal: gone.signal }))).toMatchObject({ code: Code.Canceled });
    const { order } = await orders.createOrder(request);
    expect(order?.state).toBe(OrderState.CONFIRMED);
    expect(inventory.calls).toEqual(["reserve"]);
  });

  it("cancels, and refuses orders that cannot be cancelled", async () => {
    const { id, etag } = await place();
    const { order } = await orders.cancelOrder({ orderId: id, etag, reason: "Too dear." });
    expect(order).toMatchObject({ state: OrderState.CANCELLED, stateReason: "Too dear." });
    expect(order?.etag).not.toBe(etag);
    expect((await orders.cancelOrder({ orderId: id, etag })).order).toEqual(order);
    const other = await place();
    expect(await refusal(orders.cancelOrder({ orderId: other.id, etag: "stale" }))).toMatchObject({
      code: Code.Aborted,
      reason: "ETAG_MISMATCH",
    });
    await refusal(place("1", [{ productId: "101", quantity: 60 }]));
    const { orders: rejected } = await orders.listOrders({ state: OrderState.REJECTED });
    expect(await refusal(orders.cancelOrder({ orderId: rejected[0]?.id ?? "" }))).toMatchObject({
      code: Code.FailedPrecondition,
      reason: "ORDER_NOT_CANCELLABLE",
      metadata: { state: "REJECTED" },
    });
  });

  it("lists page by page, newest first, each order once, while new ones are added", async () => {
    const placed: string[] = [];
    for (let count = 0; count < 7; count++) placed.push((await place(count % 2 === 0 ? "1" : "2")).id);
    await orders.cancelOrder({ orderId: placed[0] ?? "" });

    async function listed(filter: { userId?: string; state?: OrderState }): Promise<string[]> {
      const ids: string[] = [];
      let pageToken = "";
      do {
        const page = await orders.listOrders({ ...filter, pageSize: 2, pageToken });
        expect(page.orders.length).toBeLessThanOrEqual(2);
        ids.push(...page.orders.map(({ id }) => id));
        pageToken = page.nextPageToken;
        await place("3");
      } while (pageToken !== "");
      return ids;
    }

    const ofOne = placed.filter((_, index) => index % 2 === 0).toReversed();
    expect(await listed({ userId: "1" })).toEqual(ofOne);
    expect(await listed({ userId: "1", state: OrderState.CONFIRMED })).toEqual(ofOne.slice(0, -1));
    expect(await listed({ state: OrderState.CANCELLED })).toEqual([placed[0]]);
    expect(await listed({ state: OrderState.PENDING })).toEqual([]);
    const all = await orders.listOrders({});
    expect(all.orders.map(({ id }) => id).slice(-7)).toEqual(placed.toReversed());
    expect(all.nextPageToken).toBe("");
  });

  it("refuses page tokens that it did not issue for this list", async () => {
    for (let count = 0; count < 3; count++) await place();
    const { nextPageToken } = await orders.listOrders({ userId: "1", pageSize: 1 });
    const tokens = ["x", `${nextPageToken}x`, nextPageToken.slice(1)];
    for (const pageToken of tokens) {
      expect(await refusal(orders.listOrders({ userId: "1", pageToken }))).toMatchObject({
        reason: "INVALID_PAGE_TOKEN",
      });
    }
    const elsewhere = orders.listOrders({ userId: "2", pageToken: nextPageToken });
    expect(await refusal(elsewhere)).toMatchObject({ code: Code.InvalidArgument, reason: "INVALID_PAGE_TOKEN" });
  });

  it("streams each change, and resumes after a position without a gap", async () => {
    const stop = new AbortController();
    const all = orders.watchOrders({ userId: "1" }, { signal: stop.signal })[Symbol.asyncIterator]();
    const first = all.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    // With a database server, the start position of the watch is known only after a query.
    await testDatabasesIdle();
    const { id } = await place();
    await place("2");
    await orders.cancelOrder({ orderId: id, reason: "Too dear." });
    await refusal(place("1", [{ productId: "101", quantity: 60 }]));

    const seen = [(await first).value, (await all.next()).value, (await all.next()).value] as WatchOrdersResponse[];
    expect(seen.map(({ order }) => order?.state)).toEqual([
      OrderState.CONFIRMED,
      OrderState.CANCELLED,
      OrderState.REJECTED,
    ]);
    expect(seen[0]?.order).toMatchObject({ id, stateReason: "" });
    expect(seen[1]?.order).toMatchObject({ id, stateReason: "Too dear." });
    stop.abort();

    const resumed = orders.watchOrders({ userId: "1", afterPosition: seen[0]?.position ?? "" });
    const again: WatchOrdersResponse[] = [];
    for await (const change of resumed) {
      again.push(change);
      if (again.length === 2) break;
    }
    expect(again).toEqual(seen.slice(1));
  });

  it("refuses an invalid position", async () => {
    const watched = orders.watchOrders({ afterPosition: "nowhere" })[Symbol.asyncIterator]().next();
    expect(await refusal(watched)).toMatchObject({ code: Code.InvalidArgument, reason: "INVALID_POSITION" });
  });

  it("publishes events if there is a broker", async () => {
    const environment = systemEnvironment({ name: "order", logLevel: "silent" });
    const database = await openTestDatabase({ migrations: orderMigrations });
    const published = Promise.withResolvers<string>();
    const broker = {
      publish: async (events: readonly OutgoingEvent[]) => {
        for (const { type } of events) published.resolve(type);
        return [];
      },
      close: async () => undefined,
    };
    const publishing = createOrderModule({ environment, database, users: createTestUsers(), inventory, broker });
    await publishing.start?.();
    const client = createServiceClient(OrderService, connectInMemory(publishing, environment), { environment });
    await client.createOrder({ userId: "1", items: [laptop] });
    expect(await published.promise).toBe("parley.order.confirmed.v1");
    await publishing.stop?.();
  });

  it("finds the owner of an order", async () => {
    const { id } = await place("2");
    expect(await module.owners?.order?.(id)).toBe("2");
    expect(await module.owners?.order?.("unknown")).toBeUndefined();
  });
});
