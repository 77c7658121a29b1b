import { create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { type DeliverRequest, DeliverRequestSchema } from "@parley/gen/event/v1/event_service_pb.js";
import type { OutgoingEvent } from "../event-log.ts";
import type { EventType } from "../event-types.ts";

/** Those of the events that somebody wants who wants these types, or all. */
export function ofTypes(
  events: readonly OutgoingEvent[],
  types: readonly EventType[] | undefined,
): readonly OutgoingEvent[] {
  return types === undefined ? events : events.filter(({ type }) => types.some((wanted) => wanted === type));
}

/**
 * The request that hands events over. In memory they are fields that it does not know, which are written as they are; whoever decodes
 * it has them as its events.
 */
export function deliverRequest(events: readonly OutgoingEvent[]): DeliverRequest {
  const request = create(DeliverRequestSchema);
  const no = DeliverRequestSchema.field.events.number;
  request.$unknown = events.map((event) => ({ no, wireType: WireType.LengthDelimited, data: lengthAndEvent(event) }));
  return request;
}

function lengthAndEvent({ encoded, sequence }: OutgoingEvent): Uint8Array {
  // The fields of a message may come in any order.
  const place = new BinaryWriter().tag(EventSchema.field.sequence.number, WireType.Varint).int64(sequence).finish();
  return new BinaryWriter()
    .uint32(encoded.length + place.length)
    .raw(encoded)
    .raw(place)
    .finish();
}
