// The rules of an order, over real sockets and processes.
import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { reasonOf } from "@parley/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OrderStack, startOrderStack } from "./order-stack.ts";

let stack: OrderStack;
beforeAll(async () => {
  stack = await startOrderStack();
});
afterAll(() => stack?.dispose());

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
/** Places an order once, with retries: a busy machine may exceed a deadline or refuse for overload. */
async function ordered(request: { readonly userId: string; readonly items: ReturnType<typeof line>[] }) {
  const once = { ...request, requestId: randomUUID() };
  const passing = [Code.DeadlineExceeded, Code.Unavailable, Code.ResourceExhausted];
  for (let triesLeft = 20; ; triesLeft--) {
    try {
      return await stack.orders.createOrder(once);
    } catch (error) {
      if (triesLeft === 0 || !passing.includes(ConnectError.from(error).code)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
const line = (productId: string, quantity: number) => ({ productId, quantity });

describe("an order", () => {
  it("of two laptops and a mouse costs 2029.97 and leaves 48 laptops", async () => {
    const { order } = await stack.orders.createOrder({ userId: "1", items: [line("101", 2), line("102", 1)] });
    expect(order).toMatchObject({
      state: OrderState.CONFIRMED,
      userName: "Alice Johnson",
      totalPrice: { currencyCode: "USD", units: 2029n, nanos: 970_000_000 },
    });
    expect(await stack.stockOf("101")).toBe(48);
    expect(await stack.stockOf("102")).toBe(199);
  });

  it("of 60 laptops when 48 are left is refused, and reserves nothing of its second line", async () => {
    const error = await errorOf(stack.orders.createOrder({ userId: "1", items: [line("103", 1), line("101", 60)] }));
    expect(error?.code).toBe(Code.FailedPrecondition);
    expect(reasonOf(error)).toMatchObject({
      reason: "INSUFFICIENT_STOCK",
      metadata: { productId: "101", requested: "60", available: "48" },
    });
    expect([await stack.stockOf("101"), await stack.stockOf("103")]).toEqual([48, 150]);
  });

  it("sums two lines of one product: 30 and 30 of 48 are refused", async () => {
    const error = await errorOf(stack.orders.createOrder({ userId: "1", items: [line("101", 30), line("101", 30)] }));
    expect(reasonOf(error)?.metadata).toMatchObject({ requested: "60", available: "48" });
    expect(await stack.stockOf("101")).toBe(48);
  });

  it("sent 20 times concurrently with one request id is one order with 20 equal responses", async () => {
    const request = { userId: "2", items: [line("104", 3)], requestId: randomUUID() };
    const answers = await Promise.all(Array.from({ length: 20 }, () => stack.orders.createOrder(request)));
    for (const answer of answers) {
      expect(answer).toEqual(answers[0]);
    }
    expect(await stack.stockOf("104")).toBe(72);
    expect((await stack.orders.listOrders({ userId: "2" })).orders).toHaveLength(1);

    const other = await errorOf(stack.orders.createOrder({ ...request, items: [line("104", 4)] }));
    expect(other?.code).toBe(Code.InvalidArgument);
    expect(reasonOf(other)?.reason).toBe("REQUEST_ID_REUSED");
    expect(await stack.stockOf("104")).toBe(72);
  });

  it("for one of 50 units, placed by 200 buyers concurrently, is confirmed exactly 50 times", async () => {
    await stack.inventory.updateStock({ productId: "105", change: { case: "stock", value: 50 } });
    const request = { userId: "3", items: [line("105", 1)] };
    const errors = await Promise.all(Array.from({ length: 200 }, () => errorOf(ordered(request))));
    const refused = errors.filter((error) => error !== undefined);
    expect(refused.map((error) => reasonOf(error)?.reason)).toEqual(Array(150).fill("INSUFFICIENT_STOCK"));
    expect(await stack.stockOf("105")).toBe(0);
    const ofThree = (await stack.allOrders()).filter(({ userId }) => userId === "3");
    expect(ofThree.filter(({ state }) => state === OrderState.CONFIRMED)).toHaveLength(50);
    // A call that times out on a busy machine is retried, and its first attempt may have left a refused order.
    expect(ofThree.filter(({ state }) => state === OrderState.REJECTED).length).toBeGreaterThanOrEqual(150);
  });

  it("that is cancelled releases its stock once, however often it is cancelled", async () => {
    const before = await stack.stockOf("102");
    const { order } = await stack.orders.createOrder({ userId: "1", items: [line("102", 5)] });
    const id = order?.id ?? "";
    const answers = await Promise.all(
      [1, 2, 3].map(() => stack.orders.cancelOrder({ orderId: id, reason: "Too many." })),
    );
    expect(answers.map((answer) => answer.order?.state)).toEqual(Array(3).fill(OrderState.CANCELLED));
    expect(await stack.stockOf("102")).toBe(before);
  });
});
