// The order service is killed at the worst moments, and started again.
import { randomUUID } from "node:crypto";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, type OrderStack, startOrderStack } from "./order-stack.ts";

let stack: OrderStack;
beforeEach(async () => {
  stack = await startOrderStack("test/e2e/order-crash-main.ts");
});
afterEach(() => stack?.dispose());

const request = { userId: "1", items: [{ productId: "101", quantity: 2 }] };

/** Has the order service end itself at a checkpoint of the order, and starts it again. */
async function crashAt(checkpoint: string, order: { requestId?: string }) {
  stack.order.signal("SIGTERM");
  expect(await stack.order.ended()).toBe(0);
  await stack.order.start({ CRASH_AT: checkpoint });
  const answer = stack.orders.createOrder({ ...request, ...order }).then(
    () => "answered",
    () => "not answered",
  );
  expect(await stack.order.ended()).toBeNull();
  await stack.order.start();
  return answer;
}

async function settledOrders() {
  return eventually(
    () => stack.allOrders(),
    (orders) => orders.every(({ state }) => state !== OrderState.PENDING),
  );
}

describe("kill -9 between reservation and confirmation", () => {
  it("leaves an order that goes on after the restart, and its buyer gets it by the request id", async () => {
    const requestId = randomUUID();
    await crashAt("after ReserveStock", { requestId });
    const { order } = await stack.orders.createOrder({ ...request, requestId });
    expect(order?.state).toBe(OrderState.CONFIRMED);
    expect((await settledOrders()).map(({ id }) => id)).toEqual([order?.id]);
    expect(await stack.stockOf("101")).toBe(48);
  });

  it("leaves an order that nobody can ask for, which is taken back", async () => {
    await crashAt("after ReserveStock", {});
    expect(await settledOrders()).toMatchObject([{ state: OrderState.REJECTED }]);
    expect(await stack.stockOf("101")).toBe(50);
  });
});

it("kill -9 after confirmation leaves the order as it was confirmed", async () => {
  await crashAt("after CONFIRMED", {});
  expect(await settledOrders()).toMatchObject([{ state: OrderState.CONFIRMED }]);
  expect(await stack.stockOf("101")).toBe(48);
});
