import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DependencyError,
  OrderRefusedError,
  ProductNotFoundError,
  RequestIdReusedError,
  TooManyOrdersError,
  UserNotAllowedError,
  UserNotFoundError,
} from "../order-errors.ts";
import type { DueOrder } from "../order-store.ts";
import { createTestOrders, type TestOrders } from "../testing/test-orders.ts";
import type { OrderRequest } from "./order-request.ts";
import { leaseMs } from "./order-saga.ts";
import { ordersInProgressMax } from "./place-order.ts";

const twoLaptopsAndAMouse = {
  userId: "1",
  items: [
    { productId: "101", quantity: 2 },
    { productId: "102", quantity: 1 },
  ],
};
const repeatable = { ...twoLaptopsAndAMouse, requestId: "018f0000-0000-7000-8000-000000000001" };

describe("placing an order", () => {
  let orders: TestOrders;
  const stockOf = (productId: string) => orders.inventory.products.get(productId)?.stock;
  const stored = () => orders.store.list({}, 100);

  beforeEach(async () => {
    orders = await createTestOrders();
  });
  afterEach(async () => {
    orders.stop();
    await orders.database.close();
  });

  it("confirms it with its price and takes the stock", async () => {
    const order = await orders.place(twoLaptopsAndAMouse);
    expect(order).toMatchObject({
      phase: "CONFIRMED",
      userName: "Alice Johnson",
      totalPrice: { units: 2029n, nanos: 970_000_000 },
    });
    expect([stockOf("101"), stockOf("102")]).toEqual([48, 199]);
    expect(await orders.store.get(order.id)).toEqual(order);
    expect(orders.events).toMatchObject([
      { type: "parley.order.confirmed.v1", subject: order.id, partitionKey: order.id },
    ]);
  });

  it("stores it before anything is reserved, with a lease as long as it may take", async () => {
    let kept: DueOrder | undefined;
    orders.inventory.onReserve = async () => {
      [kept] = await orders.store.due(1, Number.MAX_SAFE_INTEGER);
    };
    await orders.place(twoLaptopsAndAMouse, 5_000.25);
    expect(kept).toMatchObject({ order: { phase: "RESERVING" }, dueTimeMs: orders.clock.now() + 5_001 + leaseMs });
  });

  it("merges lines of the same product", async () => {
    const items = [1, 2, 3].map((quantity) => ({ productId: "102", quantity }));
    const order = await orders.place({ userId: "1", items });
    expect(order.items).toMatchObject([{ productId: "102", quantity: 6 }]);
    expect(stockOf("102")).toBe(194);
  });

  describe("of a guest", () => {
    const guest = { userId: "", guestEmail: "guest@example.com", items: twoLaptopsAndAMouse.items };
    const { requestId } = repeatable;

    it("confirms it for the given address, without a call of the user service, even while that is down", async () => {
      orders.users.fail = new ConnectError("down", Code.Unavailable);
      expect(await orders.place(guest)).toMatchObject({
        phase: "CONFIRMED",
        userId: "",
        userName: "",
        userEmail: "guest@example.com",
      });
      expect(orders.users.calls).toBe(0);
      expect(await orders.place({ ...guest, guestEmail: "" })).toMatchObject({ phase: "CONFIRMED", userEmail: "" });
    });

    it("returns the same order for the same request id, and refuses another address or other lines", async () => {
      const first = await orders.place({ ...guest, requestId });
      expect(await orders.place({ ...guest, requestId })).toEqual(first);
      for (const other of [{ guestEmail: "" }, { guestEmail: "other@example.com" }, { items: [repeatable.items[0]] }]) {
        const again = { ...guest, requestId, ...other } as OrderRequest;
        await expect(orders.place(again)).rejects.toThrow(RequestIdReusedError);
      }
      expect(await stored()).toHaveLength(1);
    });

    it("compares the address of concurrent requests, too", async () => {
      const outcomes = await Promise.allSettled(
        ["a@example.com", "a@example.com", "b@example.com"].map((guestEmail) =>
          orders.place({ ...guest, guestEmail, requestId }),
        ),
      );
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
      expect(await stored()).toHaveLength(1);
    });

    it("keeps guests' request ids apart from users'", async () => {
      const [ofGuest, ofUser] = [await orders.place({ ...guest, requestId }), await orders.place(repeatable)];
      expect(ofUser.id).not.toBe(ofGuest.id);
    });
  });

  describe("that cannot be met", () => {
    it("stores nothing for an unknown user", async () => {
      await expect(orders.place({ ...repeatable, userId: "unknown-user" })).rejects.toThrow(UserNotFoundError);
      await expect(orders.place({ ...repeatable, userId: "barred" })).rejects.toThrow(UserNotAllowedError);
      expect(await stored()).toEqual([]);
      expect(orders.inventory.calls).toEqual([]);
    });

    it("stores nothing for an unknown product, and takes no stock of the others", async () => {
      const items = [...twoLaptopsAndAMouse.items, { productId: "999", quantity: 1 }];
      await expect(orders.place({ ...repeatable, items })).rejects.toThrow(ProductNotFoundError);
      expect(await stored()).toEqual([]);
      expect(stockOf("101")).toBe(50);
      expect(orders.events).toEqual([]);
      // Nothing was stored, so the request id is free too.
      expect(await orders.place(repeatable)).toMatchObject({ phase: "CONFIRMED" });
    });

    it("rejects it if stock is short, with the requested and the available units", async () => {
      const request = {
        ...repeatable,
        items: [
          { productId: "101", quantity: 60 },
          { productId: "102", quantity: 1 },
        ],
      };
      const error = await orders.place(request).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(OrderRefusedError);
      expect(error).toMatchObject({
        refusal: { reason: "INSUFFICIENT_STOCK", metadata: { productId: "101", requested: "60", available: "50" } },
      });
      await orders.idle();
      expect([stockOf("101"), stockOf("102")]).toEqual([50, 200]);
      expect(await stored()).toMatchObject([{ phase: "REJECTED", stateReason: "Laptop: 60 requested, 50 available." }]);
      expect(orders.eventTypes()).toEqual(["parley.order.rejected.v1"]);
    });

    it("returns the same refusal for the same request id, although there is stock by then", async () => {
      const request = { ...repeatable, items: [{ productId: "101", quantity: 60 }] };
      const first = await orders.place(request).catch((reason: unknown) => reason);
      const laptop = orders.inventory.products.get("101");
      if (laptop !== undefined) laptop.stock = 100;
      const again = await orders.place(request).catch((reason: unknown) => reason);
      expect(again).toEqual(first);
      expect(orders.eventTypes()).toEqual(["parley.order.rejected.v1"]);
    });

    it("refuses a late copy of the reservation of a rejected order", async () => {
      await orders.place({ ...repeatable, items: [{ productId: "101", quantity: 60 }] }).catch(() => undefined);
      await orders.idle();
      const [order] = await stored();
      expect(orders.inventory.released).toContain(order?.id);
    });

    it.each([
      ["two currencies", "900", "MIXED_CURRENCIES"],
      ["a sum that is too large", "901", "AMOUNT_OUT_OF_RANGE"],
    ])("releases the stock before it refuses %s", async (_, productId, reason) => {
      const items = [
        { productId: "101", quantity: 1 },
        { productId, quantity: 2 },
      ];
      await expect(orders.place({ userId: "1", items })).rejects.toMatchObject({ refusal: { reason } });
      expect([stockOf("101"), stockOf(productId)]).toEqual([50, 10]);
      expect(await stored()).toMatchObject([{ phase: "REJECTED" }]);
    });
  });

  it("has one order with the request id, beside a rejected one for each failed attempt", async () => {
    const { reserve } = orders.inventory.trouble;
    const tries = ["never-sent", "lost", "answer-lost", "broken", "silent"] as const;
    for (const trouble of tries) {
      reserve.push(trouble);
      const placed = orders.place(repeatable).catch((error: unknown) => error);
      for (let passedMs = 0; passedMs < 10_000; passedMs += 500) await orders.clock.advance(500);
      expect(await placed).toBeInstanceOf(DependencyError);
      await orders.idle();
    }
    const order = await orders.place(repeatable);
    expect(await orders.place(repeatable)).toEqual(order);
    const all = await stored();
    expect(all.filter(({ phase }) => phase === "CONFIRMED").map(({ id, requestId }) => [id, requestId])).toEqual([
      [order.id, repeatable.requestId],
    ]);
    const rejected = all.filter(({ id }) => id !== order.id);
    expect(rejected.map(({ phase, requestId, refusal }) => [phase, requestId, refusal])).toEqual(
      tries.map(() => ["REJECTED", undefined, undefined]),
    );
    expect([stockOf("101"), stockOf("102")]).toEqual([48, 199]);
  });

  it("refuses orders above the concurrency limit, and accepts them again afterwards", async () => {
    const known = orders.users.validateUser;
    const gate = Promise.withResolvers<void>();
    orders.users.validateUser = async (...call) => {
      await gate.promise;
      return known(...call);
    };
    const ofUnknownUser = { userId: "unknown-user", items: [{ productId: "101", quantity: 1 }] };
    const waiting = Array.from({ length: ordersInProgressMax }, () =>
      orders.place(ofUnknownUser).catch(() => undefined),
    );
    await expect(orders.place(ofUnknownUser)).rejects.toThrow(TooManyOrdersError);
    gate.resolve();
    await Promise.all(waiting);
    expect(await orders.place(twoLaptopsAndAMouse)).toMatchObject({ phase: "CONFIRMED" });
  });

  describe("again with the same request id", () => {
    it("returns one order to twenty concurrent callers", async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => orders.place(repeatable)));
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      expect(answers.every((answer) => JSON.stringify(answer, text) === JSON.stringify(answers[0], text))).toBe(true);
      expect(stockOf("101")).toBe(48);
      expect(orders.events).toHaveLength(1);
    });

    it("returns the same answer after it was confirmed, and after it was cancelled", async () => {
      const order = await orders.place(repeatable);
      await orders.clock.advance(60_000);
      expect(await orders.place(repeatable)).toEqual(order);
      await orders.cancel(order.id);
      expect(await orders.place(repeatable)).toEqual(order);
      expect(orders.inventory.calls).toEqual(["reserve", "release"]);
    });

    it("is another order for another buyer", async () => {
      const [mine, yours] = await Promise.all([orders.place(repeatable), orders.place({ ...repeatable, userId: "2" })]);
      expect(mine.id).not.toBe(yours.id);
    });

    it("refuses another body, during the first request and afterwards", async () => {
      const other = { ...repeatable, items: [{ productId: "101", quantity: 3 }] };
      const first = orders.place(repeatable);
      await expect(orders.place(other)).rejects.toThrow(RequestIdReusedError);
      await first;
      await expect(orders.place(other)).rejects.toThrow(RequestIdReusedError);
      expect(stockOf("101")).toBe(48);
    });

    it("treats the same lines in another order as the same body", async () => {
      const order = await orders.place(repeatable);
      expect((await orders.place({ ...repeatable, items: repeatable.items.toReversed() })).id).toBe(order.id);
    });

    it("resumes another process's order that is still pending, under the same id", async () => {
      const other = await createTestOrders({ ...shared(orders), owner: "other" });
      let resumed: Promise<{ id: string }> | undefined;
      orders.inventory.onReserve = async () => {
        orders.inventory.onReserve = undefined;
        resumed = other.place(repeatable);
        await resumed;
      };
      const order = await orders.place(repeatable);
      expect((await resumed)?.id).toBe(order.id);
      expect(stockOf("101")).toBe(48);
      expect([...orders.events, ...other.events]).toHaveLength(1);
    });

    it("joins the other's order if both processes begin at once", async () => {
      const other = await createTestOrders({ ...shared(orders), owner: "other" });
      const [mine, yours] = await Promise.all([orders.place(repeatable), other.place(repeatable)]);
      expect(mine).toEqual(yours);
      expect(stockOf("101")).toBe(48);
      expect(await stored()).toHaveLength(1);
    });
  });

  describe("while the product service is unreachable", () => {
    it("rejects it at once if the call was never sent", async () => {
      orders.inventory.trouble.reserve = ["never-sent"];
      await expect(orders.place(repeatable)).rejects.toMatchObject({
        dependency: "product service",
        problem: "unavailable",
      });
      expect(await stored()).toMatchObject([{ phase: "REJECTED", stateReason: "The product service is unavailable." }]);
      expect(orders.inventory.calls).toEqual(["reserve"]);
      const second = await orders.place(repeatable);
      expect(second.phase).toBe("CONFIRMED");
      expect(stockOf("101")).toBe(48);
    });

    it.each(["lost", "answer-lost", "broken"] as const)(
      "releases the stock that it may hold after a call that was %s",
      async (kind) => {
        orders.inventory.trouble.reserve = [kind];
        await expect(orders.place(repeatable)).rejects.toThrow(DependencyError);
        await orders.idle();
        expect(stockOf("101")).toBe(50);
        expect(await stored()).toMatchObject([{ phase: "REJECTED" }]);
        expect(orders.eventTypes()).toEqual(["parley.order.rejected.v1"]);
      },
    );

    it("answers DEADLINE_EXCEEDED within the caller's time", async () => {
      orders.inventory.trouble.reserve = ["silent"];
      const answer = orders.place(repeatable, 1_000).catch((error: unknown) => error);
      for (let waitedMs = 0; waitedMs < 950; waitedMs += 50) await orders.clock.advance(50);
      expect(await answer).toMatchObject({ dependency: "product service", problem: "timed-out" });
      await orders.idle();
      expect(await stored()).toMatchObject([{ phase: "REJECTED" }]);
    });

    it("makes a new order for the same request id once the first attempt was compensated", async () => {
      orders.inventory.trouble.reserve = ["answer-lost"];
      orders.inventory.trouble.release = ["lost", "lost"];
      const reserveLost = await orders.place(repeatable).catch((error: unknown) => error);
      await orders.idle();
      const releaseLost = await orders.place(repeatable).catch((error: unknown) => error);
      expect([reserveLost, releaseLost]).toMatchObject([{ problem: "unavailable" }, { problem: "unavailable" }]);
      const order = await orders.place(repeatable);
      expect(order.phase).toBe("CONFIRMED");
      expect(stockOf("101")).toBe(48);
      expect((await stored()).map(({ phase }) => phase)).toEqual(["CONFIRMED", "REJECTED"]);
    });

    it("stores nothing if it is the user service", async () => {
      orders.users.fail = new ConnectError("connection reset", Code.Unavailable);
      await expect(orders.place(repeatable)).rejects.toMatchObject({ dependency: "user service" });
      expect(await stored()).toEqual([]);
    });
  });
});

function shared({ database, clock, inventory }: TestOrders) {
  return { database, clock, inventory };
}

function text(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
