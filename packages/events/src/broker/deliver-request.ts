import { create, fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { type DeliverRequest, DeliverRequestSchema } from "@parley/gen/event/v1/event_service_pb.js";
import type { OutgoingEvent } from "../event-log.ts";
import type { EventType } from "../event-types.ts";

/** The events of these types, or all. */
export function ofTypes(
  events: readonly OutgoingEvent[],
  types: readonly EventType[] | undefined,
): readonly OutgoingEvent[] {
  return types === undefined ? events : events.filter(({ type }) => types.some((wanted) => wanted === type));
}

/** The request with the events, for any codec. Each event is decoded for it. */
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
 * The request with the events, for a client with the binary codec only. In memory the events are an unknown field,
 * which that codec writes unchanged; only the receiver decodes them.
 */
export function binaryDeliverRequest(events: readonly OutgoingEvent[]): DeliverRequest {
  const request = create(DeliverRequestSchema);
  const no = DeliverRequestSchema.field.events.number;
  const writer = new BinaryWriter();
  events.forEach(({ encoded, sequence }, index) => {
    // The first event's tag is that of the unknown field, whose data contains the other tags.
    if (index > 0) {
      writer.tag(no, WireType.LengthDelimited);
    }
    // Fields of a message may come in any order: the sequence is last.
    writer.fork().raw(encoded).tag(EventSchema.field.sequence.number, WireType.Varint).int64(sequence).join();
  });
  request.$unknown = events.length === 0 ? [] : [{ no, wireType: WireType.LengthDelimited, data: writer.finish() }];
  return request;
}
