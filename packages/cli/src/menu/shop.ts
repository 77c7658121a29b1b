import { type Client, createClient } from "@connectrpc/connect";
import { CallEchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import type { Connection } from "../connection/connection.ts";

/** The services that the menu calls. */
export interface Shop {
  readonly users: Client<typeof UserService>;
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly orders: Client<typeof OrderService>;
  readonly echo: Client<typeof CallEchoService>;
  /** The headers of every call. */
  readonly headers: Headers;
}

/** Clients of the shop's services. */
export function shopOf({ transport, headers }: Connection): Shop {
  return {
    users: createClient(UserService, transport(UserService.typeName)),
    products: createClient(ProductService, transport(ProductService.typeName)),
    inventory: createClient(InventoryService, transport(InventoryService.typeName)),
    orders: createClient(OrderService, transport(OrderService.typeName)),
    echo: createClient(CallEchoService, transport(CallEchoService.typeName)),
    headers,
  };
}
