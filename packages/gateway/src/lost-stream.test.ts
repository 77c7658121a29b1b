import { once } from "node:events";
import { createServer, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { implementPartly } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestGateway, type TestGateway } from "./testing/fake-platform.ts";

/** How the order service ends an open stream. */
let lose: (stream: ServerHttp2Stream) => void;
let sessions: Http2Session[];
let gateway: TestGateway;

const orders = createServer();

beforeAll(async () => {
  sessions = [];
  orders.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  orders.on("stream", (received) => {
    const stream = received as ServerHttp2Stream;
    stream.on("error", () => {});
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
    // One message, so that each caller knows that its stream is open: WatchOrdersResponse with a position.
    stream.write(Buffer.from([0, 0, 0, 0, 3, 0x12, 1, 0x61]));
    setTimeout(() => lose(stream), 20);
  });
  orders.listen(0, "127.0.0.1");
  await once(orders, "listening");
  const { port } = orders.address() as AddressInfo;
  gateway = await openTestGateway({ backends: { order: `http://127.0.0.1:${port}` } });
});

afterAll(async () => {
  await gateway.server.close();
  for (const session of sessions) {
    session.destroy();
  }
  orders.close();
});

const transports: readonly (readonly [string, (baseUrl: string) => Transport])[] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web over HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web over HTTP/2", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ["Connect over HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect over HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
];

describe.each<[string, (stream: ServerHttp2Stream) => void]>([
  ["is killed", (stream) => stream.session?.socket?.destroy()],
  ["closes its connection", (stream) => stream.session?.destroy()],
])("a stream whose service %s while its caller is connected", (_how, ending) => {
  beforeAll(() => {
    lose = ending;
  });

  test.each(transports)("does not end as canceled: %s", async (_name, open) => {
    const positions: string[] = [];
    const watch = async () => {
      for await (const { position } of createClient(OrderService, open(gateway.server.url)).watchOrders({})) {
        positions.push(position);
      }
    };
    const error = ConnectError.from(await watch().catch((reason: unknown) => reason));
    expect([positions, Code[error.code], error.rawMessage]).toEqual([
      ["a"],
      "Unavailable",
      "order.v1.OrderService is unavailable. Try again.",
    ]);
  });

  test.each(["text/event-stream", "application/x-ndjson"])("does not end as canceled: REST, %s", async (accept) => {
    const response = await fetch(`${gateway.server.url}/orders:watch`, { headers: { accept } });
    expect(await response.text()).toMatch(
      /"code":503,"status":"UNAVAILABLE","message":"order\.v1\.OrderService is unavailable/,
    );
  });
});

test("a call that the service cancels, and its caller does not, is UNAVAILABLE", async () => {
  // As the client reports RST_STREAM with CANCEL.
  const canceled = new ConnectError("the server reset the stream (HTTP/2 error code 8)", Code.Canceled);
  const service = implementPartly(OrderService, {
    getOrder: () => Promise.reject(canceled),
    async *watchOrders() {
      yield { position: "a" };
      throw canceled;
    },
  });
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const order = connectInMemory({ entries: [service] }, environment);
  const opened = await openTestGateway({ backends: { order } });
  const unavailable = "order.v1.OrderService is unavailable. Try again.";
  const client = createClient(OrderService, createConnectTransport({ baseUrl: opened.server.url, httpVersion: "1.1" }));
  const expected = { code: Code.Unavailable, rawMessage: unavailable };
  await expect(client.getOrder({ orderId: "1" })).rejects.toMatchObject(expected);
  await expect(Array.fromAsync(client.watchOrders({}))).rejects.toMatchObject(expected);
  const response = await opened.fetch("/orders/1");
  expect([response.status, await response.text()]).toEqual([503, expect.stringContaining(unavailable)]);
  await opened.server.close();
});
