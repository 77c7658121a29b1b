// Made by `npm run generate` from proto/ and the package.json files of packages/. Never edited.

import { UserService } from "./user/v1/user_service_pb.js";
import { ProductService } from "./product/v1/product_service_pb.js";
import { InventoryService } from "./product/v1/inventory_service_pb.js";
import { OrderService } from "./order/v1/order_service_pb.js";
import { NotificationService } from "./notification/v1/notification_service_pb.js";
import { EchoService } from "./echo/v1/echo_service_pb.js";
import { CallEchoService } from "./echo/v1/echo_service_pb.js";

/** The services that callers outside of the platform may call, by their property in `ParleyClient`. */
export declare const publicServices: {
  readonly users: typeof UserService;
  readonly products: typeof ProductService;
  readonly inventory: typeof InventoryService;
  readonly orders: typeof OrderService;
  readonly notifications: typeof NotificationService;
  readonly echo: typeof EchoService;
  readonly callEcho: typeof CallEchoService;
};
