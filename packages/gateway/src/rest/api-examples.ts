import type { OperationExample } from "@parley/rest";

const usd = (units: string, nanos: number) => ({ currencyCode: "USD", units, nanos });

/** Examples of the main flows, on the sample data. */
export const examples: Readonly<Record<string, OperationExample>> = {
  "user.v1.UserService.CreateUser": {
    request: { name: "Dana White", email: "dana@example.com", password: "correct horse battery" },
  },
  "user.v1.UserService.GetUser": { parameters: { user_id: "1" } },
  "user.v1.UserService.Login": { request: { email: "dana@example.com", password: "correct horse battery" } },
  "product.v1.ProductService.GetProduct": {
    parameters: { product_id: "101" },
    response: { product: { id: "101", name: "Laptop", price: usd("999", 990000000), stock: 50 } },
  },
  "product.v1.ProductService.CreateProduct": {
    request: { name: "Webcam", price: usd("49", 500000000), stock: 20, lowStockThreshold: 5 },
  },
  "product.v1.ProductService.UpdateProduct": {
    parameters: { product_id: "101", update_mask: "price" },
    request: { price: usd("949", 990000000) },
  },
  "product.v1.InventoryService.UpdateStock": { parameters: { product_id: "101" }, request: { delta: 10 } },
  "product.v1.InventoryService.CheckStock": { request: { items: [{ productId: "101", quantity: 2 }] } },
  "order.v1.OrderService.CreateOrder": {
    request: {
      userId: "1",
      items: [
        { productId: "101", quantity: 2 },
        { productId: "102", quantity: 1 },
      ],
    },
    response: {
      order: {
        userId: "1",
        userName: "Alice Johnson",
        state: "ORDER_STATE_CONFIRMED",
        totalPrice: usd("2029", 970000000),
      },
    },
  },
  "order.v1.OrderService.CancelOrder": { request: { reason: "ordered twice" } },
  "notification.v1.NotificationService.SendTestNotification": { request: { recipient: "ops@example.com" } },
  "echo.v1.EchoService.Echo": { parameters: { message: "hello" }, response: { message: "hello" } },
  "echo.v1.CallEchoService.CallEcho": { parameters: { message: "hello" } },
};
