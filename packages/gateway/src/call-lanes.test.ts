import { connect as http2Connect } from "node:http2";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import type { ServerCall } from "@parley/rpc/internal";
import { implementPartly, type RunningServer, serve } from "@parley/rpc/server";
import { afterEach, expect, test } from "vitest";
import { createGatewayModule } from "./index.ts";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) {
    await each.close();
  }
});

function environment() {
  return systemEnvironment({ name: "test", logLevel: "silent" });
}

async function open(module: Parameters<typeof serve>[0]): Promise<RunningServer> {
  const server = await serve(module, { name: "test", environment: environment(), config: { drainNoticeMs: 0 } });
  opened.push({ close: () => server.close().catch(() => {}) });
  return server;
}

/** An order service that holds each call until it is released, and records its connection. */
async function heldOrders() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const connections = new Map<string, object[]>();
  const server = await open({
    entries: [
      implementPartly(OrderService, {
        async cancelOrder({ orderId }, context) {
          const seen = connections.get(orderId) ?? [];
          connections.set(orderId, seen);
          seen.push((context as ServerCall).incoming.connection ?? {});
          await released;
          return { order: { id: orderId } };
        },
      }),
    ],
  });
  return { server, connections, release };
}

/** Sends `count` concurrent calls on a new connection from the address `from`. Resolves with their HTTP statuses. */
function callMany(url: string, { count, from, orderId }: { count: number; from: string; orderId: string }) {
  const session = http2Connect(url, { localAddress: from } as object);
  session.on("error", () => {});
  opened.push({ close: () => session.destroy() });
  const call = () =>
    new Promise<number>((resolve, reject) => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/order.v1.OrderService/CancelOrder",
        "content-type": "application/json",
      });
      stream.on("response", ({ ":status": status }) => resolve(Number(status))).on("error", reject);
      stream.resume();
      stream.end(JSON.stringify({ orderId }));
    });
  return Promise.all(Array.from({ length: count }, call));
}

test("callers with many concurrent calls use other connections to a service than callers with few", async () => {
  const orders = await heldOrders();
  const gateway = await open(
    createGatewayModule({ environment: environment(), backends: { order: orders.server.url }, busyConnections: 1 }),
  );
  const seen = (orderId: string) => orders.connections.get(orderId) ?? [];
  const greedy = callMany(gateway.url, { count: 60, from: "127.0.0.1", orderId: "1" });
  await expect.poll(() => seen("1").length, { timeout: 20_000 }).toBe(60);
  const quiet = callMany(gateway.url, { count: 3, from: "127.0.0.2", orderId: "2" });
  await expect.poll(() => seen("2").length, { timeout: 20_000 }).toBe(3);
  const [first] = seen("1");
  expect(new Set(seen("2"))).toEqual(new Set([first]));
  expect(seen("1").filter((connection) => connection === first)).toHaveLength(16);
  expect(new Set(seen("1")).size).toBe(2);
  orders.release();
  await Promise.all([greedy, quiet]);
});

test("with BUSY_CALLER_CONNECTIONS=0 all callers share one connection", async () => {
  const orders = await heldOrders();
  const gateway = await open(
    createGatewayModule({ environment: environment(), backends: { order: orders.server.url }, busyConnections: 0 }),
  );
  const calls = callMany(gateway.url, { count: 60, from: "127.0.0.1", orderId: "1" });
  await expect.poll(() => orders.connections.get("1")?.length, { timeout: 20_000 }).toBe(60);
  expect(new Set(orders.connections.get("1")).size).toBe(1);
  orders.release();
  await calls;
});
