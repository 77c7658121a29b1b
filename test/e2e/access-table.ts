import type { JsonObject } from "@bufbuild/protobuf";

/** Access to a method. Written by hand and not read from the contracts: a different contract is a mistake. */
export type Rule = "public" | "owner" | "admin" | "service";

/** A method, with a request about Alice that has no effect if access is granted. */
export interface Row {
  readonly rule: Rule;
  readonly request: JsonObject;
  /** Whether the call is so expensive that one protocol is enough. */
  readonly costly?: true;
}

/** Never a valid etag: a write with access returns ABORTED. */
const etag = "not-the-current-one";
/** Never a valid position: a stream with access returns INVALID_ARGUMENT instead of staying open. */
const afterPosition = "no-position";
const lines = [{ productId: "no-such-product", quantity: 1 }];

/** Every method of the platform except health and reflection, by `<service>/<method>`. */
export function accessTable({
  aliceId,
  orderOfAlice,
}: {
  readonly aliceId: string;
  readonly orderOfAlice: string;
}): Readonly<Record<string, Row>> {
  return {
    "user.v1.UserService/CreateUser": {
      rule: "public",
      request: { name: "Alice", email: "alice@example.com", password: "long-enough" },
      // Hashes a password.
      costly: true,
    },
    "user.v1.UserService/GetUser": { rule: "owner", request: { userId: aliceId } },
    "user.v1.UserService/BatchGetUsers": { rule: "admin", request: { userIds: [aliceId] } },
    "user.v1.UserService/ListUsers": { rule: "admin", request: {} },
    "user.v1.UserService/UpdateUser": { rule: "owner", request: { user: { id: aliceId, name: "Mallory", etag } } },
    "user.v1.UserService/DeleteUser": { rule: "owner", request: { userId: aliceId, etag } },
    "user.v1.UserService/ValidateUser": { rule: "service", request: { userId: aliceId } },
    "user.v1.UserService/BatchValidateUsers": { rule: "service", request: { requests: [{ userId: aliceId }] } },
    "user.v1.UserService/Login": { rule: "public", request: { email: "nobody@example.com", password: "guess" } },
    "user.v1.UserService/ChangePassword": {
      rule: "owner",
      request: { userId: aliceId, currentPassword: "guess", newPassword: "long-enough" },
      // Verifies a password.
      costly: true,
    },
    "user.v1.UserService/RevokeSessions": { rule: "owner", request: { userId: aliceId } },
    "user.v1.UserService/RotateSigningKey": { rule: "admin", request: {} },
    "user.v1.UserService/RefreshLogin": { rule: "public", request: { refreshToken: "guess" } },
    "user.v1.UserService/Logout": { rule: "public", request: { refreshToken: "guess" } },

    "product.v1.ProductService/CreateProduct": {
      rule: "admin",
      request: { name: "Cable", price: { currencyCode: "USD", units: "5" }, stock: 1 },
    },
    "product.v1.ProductService/GetProduct": { rule: "public", request: { productId: "101" } },
    "product.v1.ProductService/BatchGetProducts": { rule: "public", request: { productIds: ["101"] } },
    "product.v1.ProductService/ListProducts": { rule: "public", request: {} },
    "product.v1.ProductService/UpdateProduct": {
      rule: "admin",
      request: { product: { id: "101", name: "Brick", etag } },
    },
    "product.v1.ProductService/DeleteProduct": { rule: "admin", request: { productId: "101", etag } },

    "product.v1.InventoryService/CheckStock": { rule: "public", request: { items: lines } },
    "product.v1.InventoryService/UpdateStock": { rule: "admin", request: { productId: "no-such-product", delta: 1 } },
    "product.v1.InventoryService/ReserveStock": {
      rule: "service",
      request: { orderId: "order-of-the-matrix", items: lines },
    },
    "product.v1.InventoryService/BatchReserveStock": {
      rule: "service",
      request: { requests: [{ orderId: "order-of-the-matrix", items: lines }] },
    },
    "product.v1.InventoryService/ReleaseStock": { rule: "service", request: { orderId: "order-of-the-matrix" } },
    "product.v1.InventoryService/WatchStock": { rule: "public", request: { afterPosition } },

    "order.v1.OrderService/CreateOrder": { rule: "owner", request: { userId: aliceId, items: lines } },
    "order.v1.OrderService/GetOrder": { rule: "owner", request: { orderId: orderOfAlice } },
    "order.v1.OrderService/ListOrders": { rule: "owner", request: { userId: aliceId } },
    "order.v1.OrderService/CancelOrder": { rule: "owner", request: { orderId: orderOfAlice, etag } },
    "order.v1.OrderService/WatchOrders": { rule: "owner", request: { userId: aliceId, afterPosition } },

    "notification.v1.NotificationService/ListNotifications": { rule: "owner", request: { userId: aliceId } },
    "notification.v1.NotificationService/SendTestNotification": {
      rule: "admin",
      request: { recipient: "alice@example.com" },
    },
    "notification.v1.NotificationService/WatchNotifications": {
      rule: "owner",
      request: { userId: aliceId, afterPosition },
    },
    "notification.v1.NotificationService/ListFailedNotifications": { rule: "admin", request: {} },
    "notification.v1.NotificationService/RedriveFailedNotifications": {
      rule: "admin",
      request: { notificationIds: ["no-such-notification"] },
    },
    "notification.v1.NotificationService/ListDeadLetters": { rule: "admin", request: {} },
    "notification.v1.NotificationService/RedriveDeadLetters": {
      rule: "admin",
      request: { eventIds: ["no-such-event"] },
    },

    "event.v1.EventService/Deliver": {
      rule: "service",
      request: { events: [{ id: "event-of-the-matrix", source: "/services/order" }] },
    },
    "echo.v1.EchoService/Echo": { rule: "public", request: { message: "hello" } },
    "echo.v1.CallEchoService/CallEcho": { rule: "public", request: { message: "hello" } },
  };
}
