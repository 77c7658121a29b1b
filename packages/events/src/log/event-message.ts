import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { NewEvent } from "../event-log.ts";
import { eventTypes } from "../event-types.ts";

/** The fields that a log adds to an event. */
export interface EventOrigin {
  readonly id: string;
  readonly source: string;
  readonly timeMs: number;
}

/** The event's message, without its sequence. Throws a TypeError if type and payload do not match. */
export function eventMessage(event: NewEvent, { id, source, timeMs }: EventOrigin): Event {
  const { type, subject, partitionKey, payload, cause } = event;
  if (payload.case === undefined || type !== eventTypes[payload.case]) {
    throw new TypeError(`An event of type ${type} cannot carry ${payload.case ?? "nothing"}.`);
  }
  // An object literal, since `create` would check each field of a complete message again, twice for each order.
  return {
    $typeName: "event.v1.Event",
    id,
    source,
    type,
    subject,
    time: {
      $typeName: "google.protobuf.Timestamp",
      seconds: BigInt(Math.floor(timeMs / 1000)),
      nanos: (timeMs % 1000) * 1_000_000,
    },
    partitionKey,
    sequence: 0n,
    traceparent: cause?.traceparent ?? "",
    requestId: cause?.requestId ?? "",
    payload,
  };
}
