import type { EventLog, LoggedEvent } from "@parley/events";
import { asConfirmed, type Order } from "./order.ts";
import { orderEventTypes } from "./order-events.ts";
import type { OrderStore } from "./order-store.ts";

/** The orders to watch. */
export interface WatchRequest {
  /** Only orders of this buyer. All buyers' if empty. */
  readonly userId: string;
  /** The last received position. Empty: from now on. */
  readonly afterPosition: string;
}

/** An order after a change. */
export interface OrderChange {
  readonly order: Order;
  readonly position: string;
}

/** Reads the order of an event; undefined if the order was deleted. */
export type ReadChange = (logged: LoggedEvent, orderId: string) => Promise<OrderChange | undefined>;

/** Watchers at the end of the log share its events: the order of each is read once for all of them. */
export function createReadChange(store: OrderStore): ReadChange {
  const changes = new WeakMap<LoggedEvent["event"], Promise<OrderChange | undefined>>();
  return (logged, orderId) => {
    let change = changes.get(logged.event);
    if (change === undefined) {
      change = store
        .get(orderId)
        .then((order) => order && { order: asOfEvent(order, logged), position: logged.position });
      changes.set(logged.event, change);
      // The next watcher reads again.
      change.catch(() => changes.delete(logged.event));
    }
    return change;
  };
}

/** The changes of orders, in order, from the event log. */
export async function* watchOrders(
  { userId, afterPosition }: WatchRequest,
  { read, events, signal }: { readonly read: ReadChange; readonly events: EventLog; readonly signal: AbortSignal },
): AsyncGenerator<OrderChange> {
  const from = afterPosition === "" ? {} : { afterPosition };
  const audiences = userId === "" ? [] : [userId];
  for await (const logged of events.watch({ ...from, types: orderEventTypes, audiences, signal })) {
    const subject = subjectOf(logged);
    if (subject === undefined || (userId !== "" && subject.userId !== userId)) continue;
    const change = await read(logged, subject.orderId);
    if (change !== undefined) yield change;
  }
}

function subjectOf({ event }: LoggedEvent): { readonly orderId: string; readonly userId: string } | undefined {
  switch (event.payload.case) {
    case "orderConfirmed":
    case "orderCancelled":
    case "orderRejected":
      return event.payload.value;
    default:
      return undefined;
  }
}

/** The order as it was after the event. For OrderConfirmed, a later cancellation is undone. */
function asOfEvent(order: Order, { event }: LoggedEvent): Order {
  return event.payload.case === "orderConfirmed" ? asConfirmed(order) : order;
}
