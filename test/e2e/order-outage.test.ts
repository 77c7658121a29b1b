// The product service stops while the order service runs, and restarts.
import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { reasonOf } from "@parley/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type OrderStack, startOrderStack } from "./order-stack.ts";

/** The contract's deadline of CreateOrder. */
const deadlineMs = 5_000;
/** More than a fast failure by an open circuit breaker takes on a busy machine, and less than any call that waits for the service. */
const atOnceMs = 500;

let stack: OrderStack;
beforeAll(async () => {
  stack = await startOrderStack();
});
afterAll(() => stack?.dispose());

const request = { userId: "1", items: [{ productId: "101", quantity: 1 }] };

async function timed(call: Promise<unknown>): Promise<{ tookMs: number; error: ConnectError | undefined }> {
  const startMs = performance.now();
  const error = await call.then(
    () => undefined,
    (reason: unknown) => ConnectError.from(reason),
  );
  return { tookMs: performance.now() - startMs, error };
}

async function untilOrdersWork() {
  const { error } = await eventually(
    () => timed(stack.orders.createOrder(request)),
    (answer) => answer.error === undefined,
  );
  expect(error).toBeUndefined();
}

/** All unsold stock is available, and no order is pending. */
async function expectNothingHeld(stockAtFirst: number) {
  const confirmed = async () => (await stack.allOrders()).filter(({ state }) => state === OrderState.CONFIRMED);
  const missing = async () => stockAtFirst - (await stack.stockOf("101")) - (await confirmed()).length;
  expect(await eventually(missing, (units) => units === 0)).toBe(0);
  const pending = async () => (await stack.orders.listOrders({ state: OrderState.PENDING })).orders.length;
  expect(await eventually(pending, (orders) => orders === 0)).toBe(0);
}

describe("while the product service is down", () => {
  it("orders fail at once and name it, other calls succeed, and orders succeed again after its restart", async () => {
    const { order } = await stack.orders.createOrder(request);
    stack.product.signal("SIGKILL");
    await stack.product.ended();

    for (let count = 0; count < 10; count++) {
      const { tookMs, error } = await timed(stack.orders.createOrder(request));
      expect(error?.code).toBe(Code.Unavailable);
      expect(error?.message).toContain("product service");
      expect(reasonOf(error)).toMatchObject({ metadata: { service: "product.v1.InventoryService" } });
      expect(tookMs).toBeLessThan(deadlineMs);
    }
    const afterwards = [1, 2, 3].map(() => timed(stack.orders.createOrder(request)));
    const fastest = Math.min(...(await Promise.all(afterwards)).map(({ tookMs }) => tookMs));
    expect(fastest).toBeLessThan(atOnceMs);

    expect((await stack.orders.getOrder({ orderId: order?.id ?? "" })).order).toEqual(order);
    expect((await stack.orders.listOrders({ state: OrderState.REJECTED })).orders.length).toBeGreaterThanOrEqual(13);

    await stack.product.start();
    await untilOrdersWork();
    await expectNothingHeld(50);
  });

  it("if it hangs, orders fail within their deadline, and late reservations are released", async () => {
    const requests = Array.from({ length: 8 }, () => ({ ...request, requestId: randomUUID() }));
    stack.product.signal("SIGSTOP");
    const hanging = await Promise.all(
      requests.map((each) => timed(stack.orders.createOrder(each, { timeoutMs: 1_500 }))),
    );
    for (const { tookMs, error } of hanging) {
      expect([Code.Unavailable, Code.DeadlineExceeded]).toContain(error?.code);
      expect(tookMs).toBeLessThan(deadlineMs);
    }
    stack.product.signal("SIGCONT");
    await untilOrdersWork();
    await expectNothingHeld(50);

    // The same requests are new attempts: each gets exactly one order.
    const again = await Promise.all(requests.map((each) => stack.orders.createOrder(each)));
    expect(new Set(again.map((answer) => answer.order?.id)).size).toBe(8);
    await expectNothingHeld(50);
  });
});
