import { create } from "@bufbuild/protobuf";
import { OrderCancelledSchema, OrderConfirmedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import { expect, test } from "vitest";
import { orderCancelledText, orderConfirmedText, stockLowText } from "./message-text.ts";

test("a confirmation names the buyer, each line and the total", () => {
  const { subject, body } = orderConfirmedText(
    create(OrderConfirmedSchema, {
      orderId: "o1",
      userName: "Alice Johnson",
      items: [
        { productName: "Laptop", quantity: 2, unitPrice: { currencyCode: "USD", units: 999n, nanos: 990_000_000 } },
        { productName: "Bolt", quantity: 1, unitPrice: { currencyCode: "USD", units: 0n, nanos: 1_500_000 } },
      ],
      totalPrice: { currencyCode: "USD", units: 2000n, nanos: 0 },
    }),
  );
  expect(subject).toBe("Your order o1 is confirmed");
  expect(body).toContain("Alice Johnson");
  expect(body).toContain("2 × Laptop at 999.99 USD");
  expect(body).toContain("1 × Bolt at 0.0015 USD");
  expect(body).toContain("Total: 2000.00 USD");
});

test("a guest without a name is greeted without one", () => {
  expect(orderConfirmedText(create(OrderConfirmedSchema, { orderId: "o1" })).body).toMatch(/^Hello,\n/);
  expect(orderCancelledText(create(OrderCancelledSchema, { orderId: "o1" })).body).toMatch(/^Hello,\n/);
});

test("an alert names the product and its stock", () => {
  const alert = stockLowText(
    create(StockLowSchema, { productId: "105", productName: "Headphones", stock: 9, lowStockThreshold: 10 }),
  );
  expect(alert.subject).toBe("Low stock: Headphones");
  expect(alert.body).toBe("9 left of Headphones (105); the threshold is 10.");
});
