// The order service is killed at the worst moment, and started again. Every other moment: packages/order/src/saga/recovery.test.ts.
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

/** Has the order service end itself at a checkpoint of an order, and starts it again. */
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

/** The buyer's orders, without those in `known`, once none is pending. A call that misses its deadline on a busy machine is repeated. */
async function settledOrders(userId: string, known: readonly string[] = []) {
  const orders = await eventually(
    () =>
      stack.orders.listOrders({ userId }).then(
        (answer) => answer.orders,
        () => undefined,
      ),
    (answer) => answer?.every(({ state }) => state !== OrderState.PENDING) === true,
  );
  return (orders ?? []).filter(({ id }) => !known.includes(id));
}

const idsOf = (orders: Awaited<ReturnType<typeof settledOrders>>) => orders.map(({ id }) => id);

describe("kill -9 between reservation and confirmation", () => {
  it("leaves an order that is finished after the restart, and its buyer gets it by the request id", async () => {
    const before = await stack.stockOf("101");
    const known = idsOf(await settledOrders("1"));
    const order = { userId: "1", requestId: randomUUID() };
    await crashAt("after ReserveStock", order);
    expect(await settledOrders("1", known)).toMatchObject([{ state: OrderState.CONFIRMED }]);
    const answer = await eventually(
      () => stack.orders.createOrder({ ...order, items }).catch(() => undefined),
      (answered) => answered !== undefined,
    );
    expect(await settledOrders("1", known)).toEqual([answer?.order]);
    expect(await stack.stockOf("101")).toBe(before - 2);
  });

  it("leaves an order without a request id, which is rejected", async () => {
    const before = await stack.stockOf("101");
    const known = idsOf(await settledOrders("2"));
    expect(await crashAt("after ReserveStock", { userId: "2" })).toBe(false);
    expect(await settledOrders("2", known)).toMatchObject([{ state: OrderState.REJECTED }]);
    expect(await stack.stockOf("101")).toBe(before);
  });
});
