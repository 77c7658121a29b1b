import { create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { type DeliverRequest, DeliverRequestSchema } from "@parley/gen/event/v1/event_service_pb.js";
import { decodeEvent, type EventRow } from "../log/log-reader.ts";

/** An event on its way to those who want to be told of it, as the log keeps it: encoding it again would cost as much as sending it. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly traceparent: string;
  readonly sequence: number;
  /** The `event.v1.Event`, encoded, but for its sequence. */
  readonly encoded: Uint8Array;
}

/** The event of a row that was read. */
export function outgoingEvent(row: EventRow): OutgoingEvent {
  const { id, type, traceparent } = decodeEvent(row);
  return { id, type, traceparent, sequence: row.sequence, encoded: row.event };
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
