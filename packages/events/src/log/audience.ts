import type { Event } from "@parley/gen/event/v1/event_pb.js";

/** The subject of an event for watchers: the buyer of an order, the product of a stock level, a user. Empty without a payload. */
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
