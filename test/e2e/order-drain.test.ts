// The order service gets SIGTERM under load.
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { neverSent } from "@parley/rpc/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually, type OrderStack, startOrderStack } from "./order-stack.ts";

let stack: OrderStack;
beforeAll(async () => {
  stack = await startOrderStack();
});
afterAll(() => stack?.dispose());

it("SIGTERM under load fails no accepted order, loses none, and the process exits by itself", async () => {
  await stack.inventory.updateStock({ productId: "102", change: { case: "stock", value: 1_000_000 } });
  const acknowledged: string[] = [];
  const failed: unknown[] = [];
  let ending = false;

  async function orderUntilTheEnd() {
    // Without a request id nothing is retried, so that every failure is visible here.
    const request = { userId: "1", items: [{ productId: "102", quantity: 1 }] };
    while (true) {
      try {
        const { order } = await stack.orders.createOrder(request);
        acknowledged.push(order?.id ?? "");
      } catch (error) {
        failed.push(error);
        if (ending) return;
      }
    }
  }

  const buyers = Array.from({ length: 16 }, orderUntilTheEnd);
  await eventually(
    async () => acknowledged.length,
    (count) => count >= 100,
  );
  ending = true;
  stack.order.signal("SIGTERM");
  expect(await stack.order.ended()).toBe(0);
  await Promise.all(buyers);

  expect(acknowledged.length).toBeGreaterThanOrEqual(100);
  expect(failed.filter((error) => !neverSent(error))).toEqual([]);

  await stack.order.start();
  const orders = await stack.allOrders();
  expect(orders.map(({ id }) => id).toSorted()).toEqual(acknowledged.toSorted());
  expect(orders.every(({ state }) => state === OrderState.CONFIRMED)).toBe(true);
  expect(await stack.stockOf("102")).toBe(1_000_000 - acknowledged.length);
});
