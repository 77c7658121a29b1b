import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { createTestClock } from "@parley/rpc/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createInMemoryPlatform, type Platform, type PlatformOptions } from "./platform.ts";

const running: Platform[] = [];
afterEach(async () => {
  for (const platform of running.splice(0)) await platform.stop();
});

async function start(options?: PlatformOptions): Promise<Platform> {
  const platform = await createInMemoryPlatform(options);
  running.push(platform);
  return platform;
}

const request = {
  userId: "1",
  items: [
    { productId: "101", quantity: 2 },
    { productId: "102", quantity: 1 },
  ],
};

describe("the services in one process", () => {
  it("place an order from user to stock", async () => {
    const { orders, products } = await start();
    const { order } = await orders.createOrder(request);
    expect(order).toMatchObject({
      state: OrderState.CONFIRMED,
      userName: "Alice Johnson",
      totalPrice: { currencyCode: "USD", units: 2029n, nanos: 970_000_000 },
    });
    expect((await products.getProduct({ productId: "101" })).product?.stock).toBe(48);
  });

  it("name the platform's domain beside each reason", async () => {
    const { users, products, orders } = await start();
    const failures = [
      orders.getOrder({ orderId: "no-such-order" }),
      orders.createOrder({}),
      products.getProduct({ productId: "no-such-product" }),
      users.getUser({ userId: "no-such-user" }),
    ];
    for (const failure of failures) {
      const error = await failure.then(() => undefined, ConnectError.from);
      expect(error?.findDetails(ErrorInfoSchema)).toMatchObject([{ domain: "parley.dev" }]);
    }
  });

  it("use the given clock, ids and randomness", async () => {
    const seeded = async () => {
      let ids = 0;
      const clock = createTestClock(Date.UTC(2030, 0, 1));
      const { orders } = await start({ clock, random: () => 0.5, newId: () => `id-${ids++}` });
      const placed = [];
      for (let count = 0; count < 3; count++) placed.push((await orders.createOrder(request)).order);
      return placed;
    };
    const [first, second] = [await seeded(), await seeded()];
    expect(first).toEqual(second);
    expect(first[0]?.createTime?.seconds).toBe(BigInt(Date.UTC(2030, 0, 1) / 1_000));
  });

  it("let a test intercept the calls between two services", async () => {
    const seen: string[] = [];
    const { orders } = await start({
      between: (caller, service, direct) => ({
        stream: direct.stream.bind(direct),
        unary(method, ...call) {
          seen.push(`${caller} → ${service} ${method.name}`);
          return direct.unary(method, ...call);
        },
      }),
    });
    await orders.createOrder(request);
    expect(seen).toEqual(["test → order CreateOrder", "order → user ValidateUser", "order → product ReserveStock"]);
  });
});
