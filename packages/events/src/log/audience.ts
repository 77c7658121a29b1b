import type { Event } from "@parley/gen/event/v1/event_pb.js";

/** Whom or what an event concerns: the buyer of an order, the product of a stock level, a user. Empty if it has no payload. */
export function audienceOf({ payload }: Event): string {
  switch (payload.case) {
    case "orderConfirmed":
    case "orderCancelled":
    case "orderRejected":
    case "userCreated":
      return payload.value.userId;
    case "stockChanged":
    case "stockLow":
      return payload.value.productId;
    case undefined:
      return "";
  }
}
