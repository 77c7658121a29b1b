import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { createFetchTransport } from "@parley/client";
import {
  CreateOrderResponseSchema,
  GetOrderResponseSchema,
  OrderService,
} from "@parley/gen/order/v1/order_service_pb.js";
import { ListProductsResponseSchema, ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { ConnectionPool, createWireTransport } from "@parley/rpc/client";

/** The calls that a buyer makes. */
export interface Shop {
  readonly protocol: string;
  createOrder: Client<typeof OrderService>["createOrder"];
  getOrder: Client<typeof OrderService>["getOrder"];
  listProducts: Client<typeof ProductService>["listProducts"];
}

/** A transport to a URL for each RPC protocol. None of them sends a call again by itself. */
export const rpcTransports = {
  Connect: (url: string) => createFetchTransport({ baseUrl: url, interceptors: [] }),
  gRPC: (url: string) => grpcTransport(url),
  "gRPC-Web": (url: string) => createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }),
} as const satisfies Readonly<Record<string, (url: string) => Transport>>;

/** The protocols by which the shop can be called. */
export const protocols: readonly ((url: string, token: string) => Shop)[] = [
  (url, token) => restShop(url, token),
  ...Object.entries(rpcTransports).map(
    ([name, transport]) =>
      (url: string, token: string) =>
        rpcShop(name, transport(url), token),
  ),
];

const environment = systemEnvironment({ name: "test", logLevel: "silent" });
const connections = new ConnectionPool(environment);

/** gRPC with the connections of Parley's client, which takes several addresses, and without its retries. */
export function grpcTransport(target: string, protocol?: "grpc" | "grpc-web" | "connect"): Transport {
  return createWireTransport(
    connections.channel(target),
    environment.clock,
    protocol === undefined ? {} : { protocol },
  );
}

/** A client of the RPC services over a transport. */
export function rpcShop(protocol: string, transport: Transport, token: string): Shop {
  const orders = createClient(OrderService, withToken(transport, token));
  const { createOrder, getOrder } = orders;
  const { listProducts } = createClient(ProductService, transport);
  return { protocol, createOrder, getOrder, listProducts };
}

/** The transport with a caller's token in each call. */
export function withToken(transport: Transport, token: string): Transport {
  const signed = (header: ConstructorParameters<typeof Headers>[0]) => {
    const headers = new Headers(header);
    headers.set("authorization", `Bearer ${token}`);
    return headers;
  };
  return {
    unary: (method, signal, timeoutMs, header, ...rest) =>
      transport.unary(method, signal, timeoutMs, signed(header), ...rest),
    stream: (method, signal, timeoutMs, header, ...rest) =>
      transport.stream(method, signal, timeoutMs, signed(header), ...rest),
  };
}

function restShop(url: string, token: string): Shop {
  const call = async (path: string, body: object | undefined, timeoutMs: number | undefined): Promise<JsonValue> => {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new ConnectError(`HTTP ${response.status}: ${text.slice(0, 300)}`, codes[response.status] ?? Code.Unknown);
    }
    return JSON.parse(text) as JsonValue;
  };
  return {
    protocol: "REST",
    createOrder: async ({ userId = "", items = [], requestId = "" }, { timeoutMs } = {}) => {
      const lines = items.map(({ productId, quantity }) => ({ productId, quantity }));
      return fromJson(CreateOrderResponseSchema, await call("/orders", { userId, items: lines, requestId }, timeoutMs));
    },
    getOrder: async ({ orderId = "" }, { timeoutMs } = {}) =>
      fromJson(GetOrderResponseSchema, await call(`/orders/${orderId}`, undefined, timeoutMs)),
    listProducts: async (_, { timeoutMs } = {}) =>
      fromJson(ListProductsResponseSchema, await call("/products?pageSize=10", undefined, timeoutMs)),
  };
}

/** The HTTP statuses of a proxy or of the gateway for calls that may be repeated. */
const codes: Readonly<Record<number, Code>> = {
  429: Code.ResourceExhausted,
  499: Code.Canceled,
  502: Code.Unavailable,
  503: Code.Unavailable,
  504: Code.DeadlineExceeded,
};
