import { create } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { GetProductResponseSchema, ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { type Environment, systemEnvironment } from "@parley/rpc";
import { createTestClock } from "@parley/rpc/testing";
import { beforeEach, expect, test } from "vitest";
import { createProductCache, productAgeMaxMs } from "./product-cache.ts";

const { log } = systemEnvironment({ name: "test", logLevel: "silent" });

function setUp(clock = createTestClock()) {
  let reads = 0;
  let stock = 10;
  const seam = { hold: Promise.resolve() };
  const changes = Promise.withResolvers<void>();
  const cache = createProductCache({ clock, log } as Pick<Environment, "clock" | "log">);
  const transport = createRouterTransport(
    (router) => {
      router.service(ProductService, {
        async getProduct({ productId: id }) {
          reads++;
          const answer = create(GetProductResponseSchema, { product: { id, stock } });
          await seam.hold;
          return answer;
        },
        updateProduct: () => ({}),
        listProducts: () => {
          reads++;
          return {};
        },
      });
      router.service(InventoryService, {
        async *watchStock() {
          await changes.promise;
          yield { productId: "101" };
        },
      });
      router.service(OrderService, {
        createOrder: () => {
          stock--;
          throw new Error("failed after it took effect");
        },
        getOrder: () => ({}),
      });
    },
    { transport: { interceptors: [cache.interceptor] } },
  );
  return {
    clock,
    cache,
    seam,
    change: () => changes.resolve(),
    products: createClient(ProductService, transport),
    inventory: createClient(InventoryService, transport),
    orders: createClient(OrderService, transport),
    reads: () => reads,
  };
}

let it: ReturnType<typeof setUp>;
beforeEach(() => {
  it = setUp();
});

test("equal reads are sent once, other reads separately", async () => {
  await it.products.getProduct({ productId: "101" });
  await it.products.getProduct({ productId: "101" });
  await it.products.getProduct({ productId: "102" });
  await it.products.listProducts({ pageSize: 2 });
  await it.products.listProducts({ pageSize: 2 });
  await it.products.listProducts({ pageSize: 3 });
  expect(it.reads()).toBe(4);
});

test("a response is cached no longer than its maximum age", async () => {
  await it.products.getProduct({ productId: "101" });
  await it.clock.advance(productAgeMaxMs - 1);
  await it.products.getProduct({ productId: "101" });
  expect(it.reads()).toBe(1);
  await it.clock.advance(1);
  await it.products.getProduct({ productId: "101" });
  expect(it.reads()).toBe(2);
});

test("a change clears the cache, even one that seems to have failed; another read does not", async () => {
  await it.products.getProduct({ productId: "101" });
  await it.orders.getOrder({ orderId: "1" });
  await it.products.getProduct({ productId: "101" });
  expect(it.reads()).toBe(1);
  await it.products.updateProduct({ product: { id: "101" } });
  await it.products.getProduct({ productId: "101" });
  expect(it.reads()).toBe(2);
  await it.orders.createOrder({}).catch(() => {});
  expect((await it.products.getProduct({ productId: "101" })).product?.stock).toBe(9);
});

test("a read that began before a change is not cached after it", async () => {
  const held = Promise.withResolvers<void>();
  it.seam.hold = held.promise;
  const early = it.products.getProduct({ productId: "101" });
  await it.orders.createOrder({}).catch(() => {});
  held.resolve();
  expect((await early).product?.stock).toBe(10);
  expect((await it.products.getProduct({ productId: "101" })).product?.stock).toBe(9);
});

test("a change of stock made elsewhere clears the cache as soon as it is reported", async () => {
  const stopping = new AbortController();
  const watching = it.cache.watch(it.inventory, stopping.signal);
  await it.products.getProduct({ productId: "101" });
  it.change();
  await expect
    .poll(async () => {
      await it.products.getProduct({ productId: "101" });
      return it.reads();
    })
    .toBeGreaterThan(1);
  stopping.abort();
  await watching;
});

test("an error is not cached", async () => {
  const failing = setUp();
  failing.seam.hold = Promise.reject(new Error("down"));
  await failing.products.getProduct({ productId: "101" }).catch(() => {});
  failing.seam.hold = Promise.resolve();
  await failing.products.getProduct({ productId: "101" });
  expect(failing.reads()).toBe(2);
});
