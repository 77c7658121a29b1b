import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { isExposed } from "@parley/contract";
import { ServerReflection } from "@parley/gen/grpc/reflection/v1/reflection_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { reasonOf } from "@parley/rpc";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestGateway, type TestGateway } from "./testing/fake-platform.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await openTestGateway({ backends: { notification: "http://127.0.0.1:1" } });
});

afterAll(() => gateway.server.close());

const transports: readonly (readonly [string, (baseUrl: string) => Transport])[] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect over HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect over HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true })],
];

describe.each(transports)("a call by %s", (_name, open) => {
  let transport: Transport;
  beforeAll(() => {
    transport = open(gateway.server.url);
  });

  test("reaches its service", async () => {
    const { product } = await createClient(ProductService, transport).getProduct({ productId: "101" });
    expect(product).toMatchObject({ id: "101", name: "Laptop" });
    const { order } = await createClient(OrderService, transport).createOrder({
      userId: "1",
      items: [{ productId: "101", quantity: 1 }],
    });
    expect(order?.id).toBe("o1");
  });

  test("returns errors with their reasons", async () => {
    const error = await createClient(ProductService, transport).getProduct({ productId: "0" }).catch(ConnectError.from);
    expect([(error as ConnectError).code, reasonOf(error)?.reason]).toEqual([Code.NotFound, "PRODUCT_NOT_FOUND"]);
  });

  test("streams, and ends the stream behind the gateway when the caller disconnects", async () => {
    const disconnect = new AbortController();
    const watch = createClient(InventoryService, transport).watchStock(
      { productIds: ["9"], afterPosition: _name },
      { signal: disconnect.signal },
    );
    const stocks: number[] = [];
    const reading = (async () => {
      for await (const { stock } of watch) {
        stocks.push(stock);
      }
    })().catch(() => {});
    await expect.poll(() => [...gateway.platform.streams]).toContain(`${_name}/9`);
    gateway.platform.announceStock({ productId: "9", stock: 4 });
    await expect.poll(() => stocks).toEqual([4]);
    disconnect.abort();
    await reading;
    await expect.poll(() => [...gateway.platform.streams]).not.toContain(`${_name}/9`);
  });

  test("of a method for services only is UNIMPLEMENTED", async () => {
    const call = createClient(InventoryService, transport).releaseStock({ orderId: "1" });
    await expect(call).rejects.toMatchObject({ code: Code.Unimplemented });
  });

  test("of a service that is down is UNAVAILABLE with a retry delay, and no address", async () => {
    const { NotificationService } = await import("@parley/gen/notification/v1/notification_service_pb.js");
    const error = await createClient(NotificationService, transport).listNotifications({}).catch(ConnectError.from);
    expect((error as ConnectError).code).toBe(Code.Unavailable);
    expect((error as ConnectError).message).not.toMatch(/127\.0\.0\.1/);
  });
});

test("reflection describes the methods that the gateway serves, and no others", async () => {
  const reflection = createClient(ServerReflection, createGrpcTransport({ baseUrl: gateway.server.url }));
  const service = "product.v1.InventoryService";
  async function* ask() {
    yield { messageRequest: { case: "fileContainingSymbol" as const, value: service } };
    yield { messageRequest: { case: "fileContainingSymbol" as const, value: `${service}.ReserveStock` } };
  }
  const answers = [];
  for await (const { messageResponse } of reflection.serverReflectionInfo(ask())) {
    answers.push(messageResponse);
  }
  const files = answers[0]?.case === "fileDescriptorResponse" ? answers[0].value.fileDescriptorProto : [];
  const methods = files
    .flatMap((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).service)
    .find(({ name }) => name === "InventoryService")
    ?.method.map(({ name }) => name);
  const offered = InventoryService.methods.filter(isExposed).map(({ name }) => name);
  expect(methods).toEqual(offered);
  expect(offered).not.toContain("ReserveStock");
  expect(answers[1]?.case).toBe("errorResponse");
});

test("an error of a service has readable details in JSON, as at the service itself", async () => {
  const response = await fetch(`${gateway.server.url}/product.v1.ProductService/GetProduct`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"productId":"0"}',
  });
  expect(await response.json()).toMatchObject({
    code: "not_found",
    details: [{ type: "google.rpc.ErrorInfo", debug: { reason: "PRODUCT_NOT_FOUND" } }],
  });
});

test("reflection names every service", async () => {
  const reflection = createClient(ServerReflection, createGrpcTransport({ baseUrl: gateway.server.url }));
  async function* ask() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
  }
  for await (const { messageResponse } of reflection.serverReflectionInfo(ask())) {
    expect(messageResponse.case).toBe("listServicesResponse");
    const names =
      messageResponse.case === "listServicesResponse" ? messageResponse.value.service.map((s) => s.name) : [];
    expect(names).toEqual(
      expect.arrayContaining([
        "user.v1.UserService",
        "product.v1.InventoryService",
        "notification.v1.NotificationService",
      ]),
    );
  }
});
