import { create, fromBinary } from "@bufbuild/protobuf";
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

/** The request that hands events over, for any codec. Each event is decoded for it. */
export function deliverRequest(events: readonly OutgoingEvent[]): DeliverRequest {
  return create(DeliverRequestSchema, {
    events: events.map(({ encoded, sequence }) => {
      const event = fromBinary(EventSchema, encoded);
      event.sequence = BigInt(sequence);
      return event;
    }),
  });
}

/**
 * The request that hands events over, for a client that writes the binary format and no other. In memory the events are a field that the
 * request does not know, which that format writes as it is; they are decoded only where they arrive.
 */
export function binaryDeliverRequest(events: readonly OutgoingEvent[]): DeliverRequest {
  const request = create(DeliverRequestSchema);
  const no = DeliverRequestSchema.field.events.number;
  const writer = new BinaryWriter();
  events.forEach(({ encoded, sequence }, index) => {
    // The first one's tag is that of the unknown field, whose data holds the tags of the others.
    if (index > 0) {
      writer.tag(no, WireType.LengthDelimited);
    }
    // The fields of a message may come in any order: the sequence comes last.
    writer.fork().raw(encoded).tag(EventSchema.field.sequence.number, WireType.Varint).int64(sequence).join();
  });
  request.$unknown = events.length === 0 ? [] : [{ no, wireType: WireType.LengthDelimited, data: writer.finish() }];
  return request;
}
