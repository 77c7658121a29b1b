import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { CreateOrderRequest } from "@parley/gen/order/v1/order_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService, type WatchStockResponseSchema } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { type Environment, reasonError, systemEnvironment } from "@parley/rpc";
import { implementPartly, type RunningServer, type ServiceModule, serve } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { createGatewayModule, type GatewayModuleOptions } from "../index.ts";

/** The calls of the services behind the gateway, and their scripted behaviour. */
export interface FakePlatform {
  readonly calls: string[];
  readonly headers: Headers[];
  readonly orders: CreateOrderRequest[];
  stock: number;
  /** Sends a change to all watchers of the stock. */
  announceStock(change: MessageInitShape<typeof WatchStockResponseSchema>): void;
  /** Open streams, without those of the gateway's own cache. */
  readonly streams: Set<string>;
  /** Whether the next reads fail, and how. */
  failure: Error | undefined;
  /** Awaited by every read. */
  hold: Promise<void>;
  readonly product: ServiceModule;
  readonly order: ServiceModule;
  readonly user: ServiceModule;
}

/** Services that answer from memory: these tests are about the gateway. */
export function fakePlatform(): FakePlatform {
  const watchers = new Set<(change: MessageInitShape<typeof WatchStockResponseSchema>) => void>();
  const platform: FakePlatform = {
    calls: [],
    headers: [],
    orders: [],
    stock: 50,
    streams: new Set(),
    failure: undefined,
    hold: Promise.resolve(),
    announceStock: (change) => {
      for (const watcher of watchers) {
        watcher(change);
      }
    },
    product: {
      entries: [
        implementPartly(ProductService, {
          async getProduct({ productId: id }, context) {
            platform.calls.push(`GetProduct ${id}`);
            platform.headers.push(context.requestHeader);
            await platform.hold;
            if (platform.failure !== undefined) {
              throw platform.failure;
            }
            if (id !== "101") {
              throw reasonError(Code.NotFound, { reason: "PRODUCT_NOT_FOUND", message: `no product ${id}` });
            }
            return { product: { id, name: "Laptop", stock: platform.stock } };
          },
          updateProduct: ({ product }) => ({ product: product ?? {} }),
        }),
        implementPartly(InventoryService, {
          async *watchStock({ afterPosition, productIds }, context) {
            const name = `${afterPosition}/${productIds}`;
            const queue: MessageInitShape<typeof WatchStockResponseSchema>[] = [];
            let wake = () => {};
            const watcher = (change: MessageInitShape<typeof WatchStockResponseSchema>) => {
              queue.push(change);
              wake();
            };
            watchers.add(watcher);
            platform.streams.add(name);
            context.signal.addEventListener("abort", () => wake());
            try {
              while (!context.signal.aborted) {
                yield* queue.splice(0);
                await new Promise<void>((resolve) => {
                  wake = resolve;
                });
              }
            } finally {
              watchers.delete(watcher);
              platform.streams.delete(name);
            }
          },
          updateStock({ productId, change }) {
            platform.stock = change.case === "stock" ? change.value : platform.stock + (change.value ?? 0);
            return { product: { id: productId, stock: platform.stock } };
          },
        }),
      ],
    },
    order: {
      entries: [
        implementPartly(OrderService, {
          createOrder(request) {
            platform.orders.push(request);
            platform.stock -= request.items.reduce((sum, { quantity }) => sum + quantity, 0);
            return { order: { id: "o1", userId: request.userId } };
          },
        }),
      ],
    },
    user: { entries: [implementPartly(UserService, {})] },
  };
  return platform;
}

export interface TestGateway {
  readonly platform: FakePlatform;
  readonly server: RunningServer;
  readonly environment: Environment;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** The gateway on a port of its own, in front of a fake platform. */
export async function openTestGateway(options: Partial<GatewayModuleOptions> = {}): Promise<TestGateway> {
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const platform = fakePlatform();
  const backends = {
    product: connectInMemory(platform.product, environment),
    order: connectInMemory(platform.order, environment),
    user: connectInMemory(platform.user, environment),
    ...options.backends,
  };
  const module = createGatewayModule({ environment, ...options, backends });
  const config = { limits: {}, drainNoticeMs: 10, shutdownGraceMs: 2_000 };
  const server = await serve(module, { name: "gateway", environment, config });
  return { platform, server, environment, fetch: (path, init) => fetch(`${server.url}${path}`, init) };
}

/** A POST with this JSON. */
export function posted(body: unknown, method = "POST"): RequestInit {
  return { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
