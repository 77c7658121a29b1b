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
      found.push(`WatchStock, position ${position}: product ${productId} changed from ${last} by ${delta} to ${stock}`);
    }
    if (stock < 0) found.push(`WatchStock, position ${position}: product ${productId} has ${stock}`);
    stocks.set(productId, stock);
  }
  for (const { id, stock } of after.products) {
    if (stocks.get(id) !== stock)
      found.push(`product ${id} has ${stock}, but the last level in WatchStock is ${stocks.get(id)}`);
  }
  return found;
}

/** Each order's changes are reported once, in order, up to the order's current state. */
export function checkOrderStream(evidence: Evidence): readonly string[] {
  const reported = new Map<string, string[]>();
  for (const { orderId, state } of evidence.watched.orderChanges) {
    reported.set(orderId, [...(reported.get(orderId) ?? []), state]);
  }
  const found = [...repeats(evidence.watched.orderChanges)];
  for (const { id, state } of newOrders(evidence)) {
    const right = state === "CANCELLED" ? "CONFIRMED, CANCELLED" : state === "PENDING" ? "" : state;
    const states = (reported.get(id) ?? []).join(", ");
    if (states !== right) found.push(`order ${id}: WatchOrders reported "${states}" instead of "${right}"`);
    reported.delete(id);
  }
  return [...found, ...[...reported].map(([id, states]) => `WatchOrders reported ${states} of an unknown order ${id}`)];
}

/** Each notification is reported once. */
export function checkNotificationStream(evidence: Evidence): readonly string[] {
  const { notificationChanges } = evidence.watched;
  const reported = new Set(notificationChanges.map(({ notificationId }) => notificationId));
  const stored = new Set(newNotifications(evidence).map(({ id }) => id));
  return [
    ...repeats(notificationChanges),
    ...twice(notificationChanges.map(({ notificationId }) => notificationId)).map(
      (id) => `WatchNotifications reported ${id} twice`,
    ),
    ...[...stored].filter((id) => !reported.has(id)).map((id) => `WatchNotifications did not report ${id}`),
    ...[...reported].filter((id) => !stored.has(id)).map((id) => `WatchNotifications reported an unknown one, ${id}`),
  ];
}

function repeats(changes: readonly { readonly position: string }[]): readonly string[] {
  return twice(changes.map(({ position }) => position)).map((position) => `position ${position} came twice`);
}
