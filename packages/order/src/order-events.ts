import { create } from "@bufbuild/protobuf";
import { eventTypes, type NewEvent } from "@parley/events";
import { OrderCancelledSchema, type OrderConfirmed, OrderRejectedSchema } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import { type Order, type OrderState, stateOf } from "./order.ts";
import { moneyMessage } from "./order-messages.ts";

/** The order service's events. */
const { orderConfirmed, orderCancelled, orderRejected } = eventTypes;
export const orderEventTypes: readonly string[] = [orderConfirmed, orderCancelled, orderRejected];

/** The event of a transition: none if the order's public state stays the same. */
export function eventOf(before: Order, after: Order, cause?: CallContext): NewEvent | undefined {
  const state = stateOf(after.phase);
  if (state === stateOf(before.phase)) return undefined;
  const described = describe(after, state);
  if (described === undefined) return undefined;
  // One key for each order: its events are ordered, and orders do not wait for one another.
  return {
    ...described,
    subject: after.id,
    partitionKey: after.id,
    ...(cause === undefined ? {} : { cause }),
  };
}

function describe(order: Order, state: OrderState): Pick<NewEvent, "type" | "payload"> | undefined {
  const { id: orderId, userId, userName, userEmail, stateReason: reason, items, totalPrice } = order;
  switch (state) {
    case "CONFIRMED": {
      // An object literal, like the order's own message.
      const value: OrderConfirmed = {
        $typeName: "event.v1.OrderConfirmed",
        orderId,
        userId,
        userName,
        userEmail,
        items: items.map(({ productId, productName = "", quantity, unitPrice }) => ({
          $typeName: "event.v1.OrderLine",
          productId,
          productName,
          quantity,
          unitPrice: moneyMessage(unitPrice),
        })),
        totalPrice: moneyMessage(totalPrice),
      };
      return { type: orderConfirmed, payload: { case: "orderConfirmed", value } };
    }
    case "CANCELLED": {
      const value = create(OrderCancelledSchema, { orderId, userId, userName, userEmail, reason });
      return { type: orderCancelled, payload: { case: "orderCancelled", value } };
    }
    case "REJECTED": {
      const value = create(OrderRejectedSchema, { orderId, userId, reason });
      return { type: orderRejected, payload: { case: "orderRejected", value } };
    }
    case "PENDING":
      return undefined;
  }
}
