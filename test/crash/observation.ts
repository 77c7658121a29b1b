import type { Money } from "@parley/gen/google/type/money_pb.js";
import { NotificationKind, NotificationState } from "@parley/gen/notification/v1/notification_pb.js";
import { type Order, OrderState } from "@parley/gen/order/v1/order_pb.js";
import { allNotifications, allOrders } from "../processes/every-page.ts";
import type { PlatformPrograms } from "../processes/platform-programs.ts";
import type { OrderFacts } from "./ledger.ts";

export type SeenState = keyof typeof OrderState;

/** An order from the public API. */
export interface SeenOrder extends OrderFacts {
  readonly state: SeenState;
}

/** A notification from the public API. */
export interface SeenNotification {
  readonly id: string;
  readonly kind: keyof typeof NotificationKind;
  readonly state: keyof typeof NotificationState;
  readonly orderId: string;
  readonly productId: string;
}

/** A stock change from WatchStock. */
export interface SeenStockChange {
  readonly position: string;
  readonly productId: string;
  readonly stock: number;
  readonly delta: number;
}

/** An order change from WatchOrders. */
export interface SeenOrderChange {
  readonly position: string;
  readonly orderId: string;
  readonly state: SeenState;
}

/** A notification from WatchNotifications. */
export interface SeenNotificationChange {
  readonly position: string;
  readonly notificationId: string;
}

/** A product's stock from the public API. */
export interface SeenProduct {
  readonly id: string;
  readonly stock: number;
  readonly lowStockThreshold: number;
}

/** The state of the platform at one moment, from the public API. */
export interface Observation {
  readonly products: readonly SeenProduct[];
  readonly orders: readonly SeenOrder[];
  readonly notifications: readonly SeenNotification[];
}

/** The messages of the Watch methods, over all connections. */
export interface Watched {
  readonly stockChanges: readonly SeenStockChange[];
  readonly orderChanges: readonly SeenOrderChange[];
  readonly notificationChanges: readonly SeenNotificationChange[];
}

/** Clients of the whole platform that may read everything. */
export type PlatformClients = Pick<PlatformPrograms, "products" | "inventory" | "orders" | "notifications">;

/** Reads everything through the public API. */
export async function observe({ products, orders, notifications }: PlatformClients): Promise<Observation> {
  // Orders first: the stock and the notifications of every order in this list are then at least as recent.
  const seenOrders = (await allOrders(orders)).map(seenOrder);
  const { products: listed } = await products.listProducts({ pageSize: 100 });
  return {
    orders: seenOrders,
    products: listed.map(({ id, stock, lowStockThreshold }) => ({ id, stock, lowStockThreshold })),
    notifications: (await allNotifications(notifications)).map(({ id, kind, state, orderId, productId }) => ({
      id,
      kind: nameOf(NotificationKind, kind),
      state: nameOf(NotificationState, state),
      orderId,
      productId,
    })),
  };
}

/** The order's facts in the client's terms. */
export function orderFacts({ id, userId, items, totalPrice }: Order): OrderFacts {
  const lines = items.map(({ productId, quantity }) => ({ productId, quantity }));
  return { id, userId, lines, total: moneyText(totalPrice) };
}

function seenOrder(order: Order): SeenOrder {
  return { ...orderFacts(order), state: stateName(order.state) };
}

export function stateName(state: OrderState): SeenState {
  return nameOf(OrderState, state);
}

function moneyText(money: Money | undefined): string {
  return money === undefined ? "" : `${money.units}.${String(money.nanos).padStart(9, "0")} ${money.currencyCode}`;
}

function nameOf<E extends Record<string, string | number>>(names: E, value: number): keyof E {
  const name = Object.keys(names).find((key) => names[key] === value);
  if (name === undefined) throw new Error(`the contract has no value ${value}`);
  return name;
}
