import type { Event } from "@parley/gen/event/v1/event_pb.js";

/** The payload cases: those of `Event.payload`. */
export type PayloadCase = NonNullable<Event["payload"]["case"]>;

/** The payload of a case. */
export type PayloadOf<C extends PayloadCase> = Extract<Event["payload"], { case: C }>["value"];

/** The `type` of each payload (CloudEvents 1.0, `type`: reversed domain name and version). Defined only here. */
export const eventTypes = {
  orderConfirmed: "parley.order.confirmed.v1",
  orderCancelled: "parley.order.cancelled.v1",
  orderRejected: "parley.order.rejected.v1",
  stockChanged: "parley.stock.changed.v1",
  stockLow: "parley.stock.low.v1",
  userCreated: "parley.user.created.v1",
} as const satisfies Readonly<Record<PayloadCase, string>>;

/** A `type` of {@link eventTypes}. */
export type EventType = (typeof eventTypes)[PayloadCase];
