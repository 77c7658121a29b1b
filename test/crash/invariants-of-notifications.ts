import type { Evidence } from "./evidence.ts";
import { newOrders, twice, wasConfirmed } from "./invariants-of-orders.ts";
import type { SeenNotification } from "./observation.ts";

/** The notifications after the first observation. */
export function newNotifications({ before, after }: Pick<Evidence, "before" | "after">): readonly SeenNotification[] {
  const known = new Set(before.notifications.map(({ id }) => id));
  return after.notifications.filter(({ id }) => !known.has(id));
}

/**
 * Each order that was confirmed has one confirmation, and each cancelled order has one cancellation. All are sent, and there are
 * no others.
 */
export function checkNotifications(evidence: Pick<Evidence, "before" | "after">): readonly string[] {
  const orders = newOrders(evidence);
  const notifications = newNotifications(evidence);
  const found: string[] = [];
  const expected = {
    ORDER_CONFIRMED: orders.filter(wasConfirmed),
    ORDER_CANCELLED: orders.filter(({ state }) => state === "CANCELLED"),
  };
  for (const kind of ["ORDER_CONFIRMED", "ORDER_CANCELLED"] as const) {
    const counts = new Map<string, number>();
    for (const notification of notifications.filter((each) => each.kind === kind)) {
      counts.set(notification.orderId, (counts.get(notification.orderId) ?? 0) + 1);
    }
    for (const { id, state } of expected[kind]) {
      const count = counts.get(id) ?? 0;
      if (count !== 1) found.push(`order ${id} (${state}) has ${count} notifications ${kind}`);
      counts.delete(id);
    }
    for (const [id, count] of counts) {
      const state = orders.find((order) => order.id === id)?.state ?? "unknown";
      found.push(`order ${id} (${state}) has ${count} notifications ${kind}, and should have none`);
    }
  }
  for (const { id, kind, state } of notifications.filter((each) => each.state !== "SENT")) {
    found.push(`notification ${id} (${kind}) is ${state}`);
  }
  const listed = evidence.after.notifications.map(({ id }) => id);
  return [...found, ...twice(listed).map((id) => `notification ${id} is listed twice`)];
}

/** The number of alerts equals the number of changes in WatchStock from above the threshold to the threshold or below. */
export function checkStockLow(evidence: Pick<Evidence, "before" | "after" | "watched">): readonly string[] {
  const alerts = newNotifications(evidence).filter(({ kind }) => kind === "STOCK_LOW");
  return evidence.before.products.flatMap(({ id, lowStockThreshold: threshold }) => {
    const crossings = evidence.watched.stockChanges.filter(
      ({ productId, stock, delta }) => productId === id && stock <= threshold && stock - delta > threshold,
    ).length;
    const alertCount = alerts.filter(({ productId }) => productId === id).length;
    return alertCount === crossings
      ? []
      : [`product ${id} fell to ${threshold} ${crossings} times, but there are ${alertCount} alerts`];
  });
}
