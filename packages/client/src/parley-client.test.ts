import { createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { expect, it } from "vitest";
import { createParleyClient } from "./parley-client.ts";

/** A client of a service that responds after 20 ms and records the timeouts that it receives. */
function connect(defaultTimeoutMs?: number) {
  const timeouts: (number | undefined)[] = [];
  const answer = async ({ requestHeader }: HandlerContext) => {
    const timeoutMs = requestHeader.get("connect-timeout-ms");
    timeouts.push(timeoutMs === null ? undefined : Number(timeoutMs));
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const transport = createRouterTransport((router) =>
    router.service(OrderService, {
      async getOrder(_request, context) {
        await answer(context);
        return {};
      },
      async *watchOrders(_request, context) {
        await answer(context);
        yield { position: "1" };
      },
    }),
  );
  const baseUrl = "http://localhost:8080";
  const { orders } = createParleyClient({
    baseUrl,
    transport: () => transport,
    ...(defaultTimeoutMs === undefined ? {} : { defaultTimeoutMs }),
  });
  return { orders, timeouts };
}

const timerMaxMs = 2 ** 31 - 1;

it.each([timerMaxMs, 2 ** 31, 30 * 86_400_000, 1e15, Number.POSITIVE_INFINITY])(
  "a call with a timeout of %d ms does not end at once",
  async (timeoutMs) => {
    const { orders, timeouts } = connect(timeoutMs);
    await orders.getOrder({ orderId: "1" });
    await orders.getOrder({ orderId: "1" }, { timeoutMs });
    const positions = await Array.fromAsync(orders.watchOrders({ userId: "1" }, { timeoutMs }));
    expect(positions.map(({ position }) => position)).toEqual(["1"]);
    expect(timeouts).toEqual([timerMaxMs, timerMaxMs, timerMaxMs]);
  },
);

it("a unary call has the client's timeout by default, and a stream has no timeout", async () => {
  const { orders, timeouts } = connect();
  await orders.getOrder({ orderId: "1" });
  await Array.fromAsync(orders.watchOrders({ userId: "1" }));
  expect(timeouts).toEqual([10_000, undefined]);
});
