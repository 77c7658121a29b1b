import type { Evidence } from "./evidence.ts";
import { newNotifications } from "./invariants-of-notifications.ts";
import { newOrders, twice } from "./invariants-of-orders.ts";

/** Each change starts at the previous level: the first at the initial stock. The last one ends at the current stock. */
export function checkStockStream({ before, after, watched }: Evidence): readonly string[] {
  const found = [...repeats(watched.stockChanges)];
  const stocks = new Map(before.products.map(({ id, stock }) => [id, stock]));
  for (const { productId, stock, delta, position } of watched.stockChanges) {
    const last = stocks.get(productId);
    if (last !== undefined && last + delta !== stock) {
      found.push(`at ${position}, product ${productId} went by ${delta} to ${stock}, and was told to be at ${last}`);
    }
    if (stock < 0) found.push(`at ${position}, product ${productId} had ${stock}`);
    stocks.set(productId, stock);
  }
  for (const { id, stock } of after.products) {
    if (stocks.get(id) !== stock)
      found.push(`product ${id} was last told to be at ${stocks.get(id)}, and has ${stock}`);
  }
  return found;
}

/** Each order's changes are reported once, in order, up to the order's current state. */
export function checkOrderStream(evidence: Evidence): readonly string[] {
  const told = new Map<string, string[]>();
  for (const { orderId, state } of evidence.watched.orderChanges) {
    told.set(orderId, [...(told.get(orderId) ?? []), state]);
  }
  const found = [...repeats(evidence.watched.orderChanges)];
  for (const { id, state } of newOrders(evidence)) {
    const right = state === "CANCELLED" ? "CONFIRMED, CANCELLED" : state === "PENDING" ? "" : state;
    const states = (told.get(id) ?? []).join(", ");
    if (states !== right) found.push(`order ${id} was told to be "${states}", and went "${right}"`);
    told.delete(id);
  }
  return [...found, ...[...told].map(([id, states]) => `order ${id} was told to be ${states}, and is not there`)];
}

/** Each notification is reported once. */
export function checkNotificationStream(evidence: Evidence): readonly string[] {
  const { notificationChanges } = evidence.watched;
  const told = new Set(notificationChanges.map(({ notificationId }) => notificationId));
  const there = new Set(newNotifications(evidence).map(({ id }) => id));
  return [
    ...repeats(notificationChanges),
    ...twice(notificationChanges.map(({ notificationId }) => notificationId)).map(
      (id) => `notification ${id} was told twice`,
    ),
    ...[...there].filter((id) => !told.has(id)).map((id) => `notification ${id} was not told`),
    ...[...told].filter((id) => !there.has(id)).map((id) => `notification ${id} was told, and is not there`),
  ];
}

function repeats(changes: readonly { readonly position: string }[]): readonly string[] {
  return twice(changes.map(({ position }) => position)).map((position) => `position ${position} was told twice`);
}
