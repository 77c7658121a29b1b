import type { Order } from "@parley/client";
import { signal } from "@preact/signals";
import { tell } from "../parts/toasts.tsx";
import { parley, tracedCall } from "../session/api.ts";

/** The maximum number of orders whose latest state the page keeps. */
const ordersMax = 2_000;

/** The latest state of each order that changed while the page was open, most recent change last. */
const changed = signal<ReadonlyMap<string, Order>>(new Map());

/** The number of order changes received. Lists read it to detect that they are stale. */
export const orderChanges = signal(0);

export function putOrders(orders: readonly Order[]): void {
  const next = new Map(changed.value);
  for (const order of orders) {
    next.delete(order.id);
    next.set(order.id, order);
  }
  for (const id of next.keys()) {
    if (next.size <= ordersMax) {
      break;
    }
    next.delete(id);
  }
  changed.value = next;
  orderChanges.value += orders.length;
}

/** The latest known state of an order, if it changed while the page was open. */
export function liveOrder(id: string): Order | undefined {
  return changed.value.get(id);
}

export async function cancelOrder(id: string): Promise<void> {
  const { order } = await parley.orders.cancelOrder({ orderId: id }, tracedCall().options);
  if (order !== undefined) {
    putOrders([order]);
    tell(`Order ${id.slice(0, 8)} is cancelled. Its stock was released.`);
  }
}
