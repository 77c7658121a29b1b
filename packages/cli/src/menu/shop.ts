import { type Client, createClient } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import type { Connection } from "../connection/connection.ts";

/** The services that the menu talks to. */
export interface Shop {
  readonly users: Client<typeof UserService>;
  readonly products: Client<typeof ProductService>;
  readonly orders: Client<typeof OrderService>;
  /** What every call sends along. */
  readonly headers: Headers;
}

/** Clients of the shop's services. */
export function shopOf(connection: Connection): Shop {
  return {
    users: createClient(UserService, connection.transport(UserService.typeName)),
    products: createClient(ProductService, connection.transport(ProductService.typeName)),
    orders: createClient(OrderService, connection.transport(OrderService.typeName)),
    headers: connection.headers,
  };
}
