import type { DescService } from "@bufbuild/protobuf";
import { CallEchoService, EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";

/** The processes behind the door, by the names that people know them under. */
export type BackendName = "user" | "product" | "order" | "notification" | "echo-a" | "echo-b";

/** A contract that the door offers, and the process that serves it. */
export interface PublicService {
  readonly service: DescService;
  readonly backend: BackendName;
}

/** What the door offers. Methods that the contract keeps for services are left out of each. */
export const publicServices: readonly PublicService[] = [
  { service: UserService, backend: "user" },
  { service: ProductService, backend: "product" },
  { service: InventoryService, backend: "product" },
  { service: OrderService, backend: "order" },
  { service: NotificationService, backend: "notification" },
  { service: EchoService, backend: "echo-a" },
  { service: CallEchoService, backend: "echo-b" },
];
