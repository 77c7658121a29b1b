import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import type { PlatformPrograms } from "../processes/platform-programs.ts";

/** The methods that buyers and the shop call. */
export interface ShopClient {
  readonly dialect: string;
  readonly orders: Client<typeof OrderService>;
  readonly inventory: Client<typeof InventoryService>;
}

/** The same methods with several clients: Parley's own over gRPC, and for each replica stock Connect with JSON over HTTP/1.1. */
export function shopClients(platform: PlatformPrograms): readonly ShopClient[] {
  const json = (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false });
  const { order, product } = platform.replicas;
  return [
    { dialect: "gRPC", orders: platform.orders, inventory: platform.inventory },
    ...order.map(({ name, url }, index) => ({
      dialect: `JSON to ${name}`,
      orders: createClient(OrderService, json(url)),
      inventory: createClient(InventoryService, json((product[index] ?? platform.product).url)),
    })),
  ];
}
