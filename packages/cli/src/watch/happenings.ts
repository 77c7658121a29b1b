import { NotificationKind } from "@parley/gen/notification/v1/notification_pb.js";
import type { WatchNotificationsResponse } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import type { WatchOrdersResponse } from "@parley/gen/order/v1/order_service_pb.js";
import type { WatchStockResponse } from "@parley/gen/product/v1/inventory_service_pb.js";
import { moneyText } from "../render/field-text.ts";
import { printable } from "../render/printable.ts";
import type { Colors } from "../terminal/terminal.ts";

/** A change of an order, in a line. */
export function orderLine({ order }: WatchOrdersResponse, colors: Colors): string {
  if (order === undefined) {
    return "";
  }
  const { id, userName, userId, state, totalPrice, stateReason, items } = order;
  const units = items.reduce((sum, { quantity }) => sum + quantity, 0);
  const price = totalPrice === undefined ? "" : moneyText(totalPrice.units, totalPrice.nanos, totalPrice.currencyCode);
  const paint = state === OrderState.CONFIRMED ? colors.green : colors.yellow;
  return words([
    printable(id),
    paint(OrderState[state]?.toLowerCase() ?? ""),
    printable(userName || `user ${userId}`),
    `${units} ${units === 1 ? "unit" : "units"}`,
    price,
    printable(stateReason),
  ]);
}

/** A change of a product's stock, in a line. */
export function stockLine({ productId, stock, delta }: WatchStockResponse, colors: Colors): string {
  const change = delta > 0 ? colors.green(`+${delta}`) : colors.yellow(String(delta));
  return words([`product ${printable(productId)}`, change, `${stock} left`]);
}

/** A notification, in a line. */
export function notificationLine({ notification }: WatchNotificationsResponse, colors: Colors): string {
  if (notification === undefined) {
    return "";
  }
  const kind = (NotificationKind[notification.kind] ?? "").toLowerCase().replaceAll("_", " ");
  return words([colors.cyan(kind), `to ${printable(notification.recipient)}`, printable(notification.subject)]);
}

function words(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("  ");
}
