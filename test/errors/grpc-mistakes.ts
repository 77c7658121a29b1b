import { Code, createClient, type Transport } from "@connectrpc/connect";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import type { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import type { ServerName } from "./error-stack.ts";

/** A wrong call over gRPC, and its error. */
export interface GrpcMistake {
  readonly to: ServerName;
  readonly call: (to: Transport) => Promise<unknown>;
  readonly code: Code;
  readonly reason: string;
  /** The fields of `google.rpc.BadRequest`. */
  readonly fields?: readonly string[];
  /** `{order}` stands for the URL of the order service; other services likewise. */
  readonly message: string;
}

const item = { productId: "101", quantity: 1 };

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** Over gRPC with binary protobuf, with Connect's own client. */
export const grpcMistakes: readonly GrpcMistake[] = [
  {
    to: "order",
    call: (to) => createClient(OrderService, to).createOrder({}),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["items"],
    message:
      "`items` is required: 1 to 100 lines. For an order of one product, `product_id` and `quantity` are enough.",
  },
  {
    to: "order",
    call: (to) => createClient(OrderService, to).createOrder({ userId: "1", items: [{ productId: "", quantity: 1 }] }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["items[0].product_id"],
    message: "`items[0].product_id` is required.",
  },
  {
    to: "order",
    call: (to) =>
      createClient(OrderService, to).createOrder({ userId: "1", items: [{ productId: "101", quantity: 10_001 }] }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["items[0].quantity"],
    message: "`items[0].quantity` must be from 1 to 10000; it is 10001.",
  },
  {
    to: "order",
    call: (to) =>
      createClient(OrderService, to).createOrder({ userId: "1", items: Array.from({ length: 101 }, () => item) }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["items"],
    message: "`items` must have at most 100 items; it has 101.",
  },
  {
    to: "order",
    call: (to) => createClient(OrderService, to).createOrder({ userId: "1", items: [item], requestId: "42" }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["request_id"],
    message: "`request_id` must be a UUID, such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301.",
  },
  {
    to: "gateway",
    call: (to) => createClient(OrderService, to).createOrder({ userId: "99", items: [item] }),
    code: Code.NotFound,
    reason: "USER_NOT_FOUND",
    message: "There is no user 99.",
  },
  {
    to: "order",
    call: (to) => createClient(OrderService, to).listOrders({ state: 9 as OrderState }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["state"],
    message:
      "`state` must be one of ORDER_STATE_UNSPECIFIED, ORDER_STATE_PENDING, ORDER_STATE_CONFIRMED, ORDER_STATE_CANCELLED, ORDER_STATE_REJECTED; it is 9.",
  },
  {
    to: "order",
    call: (to) => createClient(OrderService, to).listOrders({ pageToken: "abc" }),
    code: Code.InvalidArgument,
    reason: "INVALID_PAGE_TOKEN",
    fields: ["page_token"],
    message:
      "`page_token` was not issued for this list and filter. Send the `next_page_token` of the previous page with the same filter, or leave it out.",
  },
  {
    to: "order",
    call: (to) => createClient(OrderService, to).cancelOrder({ orderId: "none", reason: "a\u0001b" }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["reason"],
    message: "`reason` must not contain the control character U+0001; it does at character 2.",
  },
  {
    to: "order",
    call: (to) => drain(createClient(OrderService, to).watchOrders({ afterPosition: "abc" })),
    code: Code.InvalidArgument,
    reason: "INVALID_POSITION",
    fields: ["after_position"],
    message:
      "`after_position` is not a position of this stream. Send the `position` of the last message received, or leave it out.",
  },
  {
    to: "product",
    call: (to) => createClient(InventoryService, to).updateStock({ productId: "101" }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["stock"],
    message: "Set either `stock` or `delta`.",
  },
  {
    to: "product",
    call: (to) => createClient(InventoryService, to).checkStock({}),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["items"],
    message: "`items` is required.",
  },
  {
    to: "product",
    call: (to) => createClient(ProductService, to).getProduct({ productId: "none" }),
    code: Code.NotFound,
    reason: "PRODUCT_NOT_FOUND",
    message: "There is no product none.",
  },
  {
    to: "product",
    call: (to) => createClient(ProductService, to).createProduct({ name: "Webcam" }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["price"],
    message: "`price` is required.",
  },
  {
    to: "product",
    call: (to) =>
      createClient(ProductService, to).updateProduct({
        product: { id: "101", name: "Laptop" },
        updateMask: { paths: ["stock"] },
      }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["update_mask"],
    message: '`update_mask` may name `name`, `description`, `price`, `low_stock_threshold`; it names "stock".',
  },
  {
    to: "product",
    call: (to) => createClient(ProductService, to).updateProduct({ product: { name: "Laptop" } }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["product"],
    message: "`product` must have an `id` of 1 to 64 characters.",
  },
  {
    to: "user",
    call: (to) => createClient(UserService, to).createUser({ name: "Dana", email: "dana", password: "short" }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    fields: ["email", "password"],
    message:
      "`email` must be an e-mail address, such as alice@example.com. `password` must have at least 8 characters; it has 5.",
  },
  {
    to: "user",
    call: (to) => createClient(UserService, to).login({ email: "alice@example.com", password: "not hers" }),
    code: Code.Unauthenticated,
    reason: "WRONG_CREDENTIALS",
    message: "The e-mail address or the password is wrong.",
  },
  {
    to: "user",
    call: (to) => createClient(OrderService, to).getOrder({ orderId: "1" }),
    code: Code.Unimplemented,
    reason: "SERVICE_ELSEWHERE",
    message: "This is the user service. order.v1.OrderService is served by the order service, at {order}.",
  },
  {
    to: "gateway",
    call: (to) => createClient(EventService, to).deliver({}),
    code: Code.Unimplemented,
    reason: "SERVICE_NOT_SERVED",
    message:
      "event.v1.EventService is not served here. Served here: user.v1.UserService, product.v1.ProductService, product.v1.InventoryService, order.v1.OrderService, notification.v1.NotificationService, echo.v1.EchoService and others.",
  },
  {
    to: "order",
    call: (to) => createClient(OrderService, to).listOrders({}, { headers: { "grpc-timeout": "0m" } }),
    code: Code.DeadlineExceeded,
    reason: "DEADLINE_EXCEEDED",
    message:
      "order.v1.OrderService/ListOrders did not finish within 0 ms, the deadline that the caller set with `grpc-timeout`. " +
      "Set a longer one; rpc.v1.timeout in its contract allows 2000 ms.",
  },
  {
    to: "order",
    call: (to) => createClient(OrderService, to).listOrders({}, { headers: { "grpc-timeout": "soon" } }),
    code: Code.InvalidArgument,
    reason: "INVALID_REQUEST",
    message: 'The header grpc-timeout must be 1 to 8 digits and a unit (H, M, S, m, u or n), such as 5S; it is "soon".',
  },
];
