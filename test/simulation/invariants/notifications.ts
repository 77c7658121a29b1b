import { NotificationKind } from "@parley/gen/notification/v1/notification_pb.js";
import { firstProducts, lowStockThreshold } from "../workload/products.ts";
import type { Books } from "./books.ts";
import { stockLevels } from "./stock.ts";
import type { Violation } from "./violation.ts";

/** Buyers and the shop get each notification exactly once, and no other notifications. */
export function checkNotifications(books: Books): readonly Violation[] {
  const violations: Violation[] = [];
  const violated = (message: string) => violations.push({ invariant: "notification", message });
  const count = (kind: NotificationKind, about: string) =>
    books.notifications.filter((row) => row.kind === kind && (row.orderId === about || row.productId === about)).length;

  for (const { id, userEmail, phase, wasConfirmed } of books.orders) {
    // No notification is sent to a guest without an address.
    const hasRecipient = userEmail !== "";
    const confirmations = count(NotificationKind.ORDER_CONFIRMED, id);
    const cancellations = count(NotificationKind.ORDER_CANCELLED, id);
    if (confirmations !== (hasRecipient && wasConfirmed ? 1 : 0))
      violated(`order ${id} (${phase}): ${confirmations} confirmations`);
    if (cancellations !== (hasRecipient && phase === "CANCELLED" ? 1 : 0)) {
      violated(`order ${id} (${phase}): ${cancellations} cancellations`);
    }
    const kinds = books.notifications.filter(({ orderId }) => orderId === id).map(({ kind }) => kind);
    if (kinds[0] === NotificationKind.ORDER_CANCELLED)
      violated(`order ${id}: its cancellation was notified before its confirmation`);
  }
  for (const { productId, stock } of firstProducts) {
    const alerts = count(NotificationKind.STOCK_LOW, productId);
    const crossings = countCrossings([stock, ...stockLevels(books.productEvents, productId)]);
    if (alerts !== crossings)
      violated(`product ${productId}: fell to the threshold ${crossings} times, but there are ${alerts} alerts`);
  }
  const known = new Set(books.orders.map(({ id }) => id));
  for (const { id, orderId } of books.notifications) {
    if (orderId !== "" && !known.has(orderId))
      violated(`notification ${id} is about order ${orderId}, which does not exist`);
  }
  return violations;
}

function countCrossings(levels: readonly number[]): number {
  return levels.filter((level, index) => level <= lowStockThreshold && (levels[index - 1] ?? 0) > lowStockThreshold)
    .length;
}
