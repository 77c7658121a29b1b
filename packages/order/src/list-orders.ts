import type { PagedList } from "@parley/store";
import type { Order, OrderState } from "./order.ts";
import type { OrderStore } from "./order-store.ts";

/** The filter of a list. */
export interface OrderListFilter {
  /** Only orders of this buyer; the orders of all buyers if empty. */
  readonly userId: string;
  /** Only orders in this state; orders in any state if undefined. */
  readonly state: OrderState | undefined;
}

/** The orders that match a filter, newest first, for reading page by page. */
export function orderList(store: OrderStore, { userId, state }: OrderListFilter): PagedList<Order, [id: string]> {
  return {
    list: JSON.stringify(["orders", userId, state ?? ""]),
    keyTypes: ["string"],
    keyOf: ({ id }) => [id],
    read: (after, limit) =>
      store.list({ userId: userId === "" ? undefined : userId, state, beforeId: after?.[0] }, limit),
  };
}
