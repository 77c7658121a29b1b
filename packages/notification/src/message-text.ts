import type { OrderCancelled, OrderConfirmed, StockLow } from "@parley/gen/event/v1/event_pb.js";
import type { Money } from "@parley/gen/google/type/money_pb.js";

/** The text of a notification. */
export interface MessageText {
  readonly subject: string;
  readonly body: string;
}

export function orderConfirmedText({ orderId, userName, items, totalPrice }: OrderConfirmed): MessageText {
  let lines = "";
  for (const { quantity, productName, unitPrice } of items) {
    lines += `  ${quantity} × ${productName} at ${moneyText(unitPrice)}\n`;
  }
  return {
    subject: `Your order ${orderId} is confirmed`,
    body: `${greeting(userName)}\n\nWe have received your order:\n${lines}\nTotal: ${moneyText(totalPrice)}`,
  };
}

export function orderCancelledText({ orderId, userName, reason }: OrderCancelled): MessageText {
  return {
    subject: `Your order ${orderId} is cancelled`,
    body: [greeting(userName), "", "Your order was cancelled.", ...(reason === "" ? [] : [`Reason: ${reason}`])].join(
      "\n",
    ),
  };
}

export function stockLowText({ productId, productName, stock, lowStockThreshold }: StockLow): MessageText {
  return {
    subject: `Low stock: ${productName}`,
    body: `${stock} left of ${productName} (${productId}); the threshold is ${lowStockThreshold}.`,
  };
}

export function testText(message: string): MessageText {
  return {
    subject: "A test notification",
    body: message === "" ? "This is a test: the channel works." : message,
  };
}

/** The greeting. A guest has no name. */
function greeting(userName: string): string {
  return userName === "" ? "Hello," : `Hello ${userName},`;
}

/** An amount for people: at least two decimals, and no more than it has. */
function moneyText(money: Money | undefined): string {
  if (money === undefined) {
    return "—";
  }
  const { units, nanos, currencyCode } = money;
  const hundredths = nanos / nanosPerHundredth;
  const fraction = Number.isInteger(hundredths)
    ? String(hundredths).padStart(2, "0")
    : String(nanos).padStart(9, "0").replace(/0+$/, "");
  return `${units}.${fraction} ${currencyCode}`;
}

const nanosPerHundredth = 10_000_000;
