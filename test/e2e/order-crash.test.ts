// The order service is killed at the most critical moment, and restarted. All other moments:
// packages/order/src/saga/recovery.test.ts.
import { randomUUID } from "node:crypto";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type OrderStack, startOrderStack } from "./order-stack.ts";

let stack: OrderStack;
beforeAll(async () => {
  stack = await startOrderStack("test/e2e/order-crash-main.ts");
});
afterAll(() => stack?.dispose());

const items = [{ productId: "101", quantity: 2 }];

/** Lets the order service kill itself at a checkpoint of an order, and restarts it. */
async function crashAt(checkpoint: string, order: { userId: string; requestId?: string }) {
  stack.order.signal("SIGKILL");
  await stack.order.ended();
  await stack.order.start({ CRASH_AT: checkpoint });
  const answered = stack.orders.createOrder({ ...order, items }).then(
    () => true,
    () => false,
  );
  expect(await stack.order.ended()).toBeNull();
  await stack.order.start();
  return answered;
}

/** A buyer's orders once none is pending. */
async function settledOrders(userId: string) {
  return eventually(
    async () => (await stack.orders.listOrders({ userId })).orders,
    (orders) => orders.every(({ state }) => state !== OrderState.PENDING),
  );
}

describe("kill -9 between reservation and confirmation", () => {
  it("leaves an order that resumes after the restart, and its buyer gets it by the request id", async () => {
    const before = await stack.stockOf("101");
    const order = { userId: "1", requestId: randomUUID() };
    await crashAt("after ReserveStock", order);
    expect(await settledOrders("1")).toMatchObject([{ state: OrderState.CONFIRMED }]);
    const answer = await stack.orders.createOrder({ ...order, items });
    expect(await settledOrders("1")).toEqual([answer.order]);
    expect(await stack.stockOf("101")).toBe(before - 2);
  });

  it("leaves an order without a request id, which is then rejected", async () => {
    const before = await stack.stockOf("101");
    expect(await crashAt("after ReserveStock", { userId: "2" })).toBe(false);
    expect(await settledOrders("2")).toMatchObject([{ state: OrderState.REJECTED }]);
    expect(await stack.stockOf("101")).toBe(before);
  });
});
