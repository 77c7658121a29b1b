import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { DeliverRequestSchema } from "@parley/gen/event/v1/event_service_pb.js";
import { binaryDeliverRequest } from "../broker/deliver-request.ts";
import type { OutgoingEvent } from "../event-log.ts";

/** The events of a request, as its receiver decodes them. */
export function eventsOf(request: MessageInitShape<typeof DeliverRequestSchema>): readonly Event[] {
  const encoded = toBinary(DeliverRequestSchema, create(DeliverRequestSchema, request));
  return fromBinary(DeliverRequestSchema, encoded).events;
}

/** The events of a publish, as subscribers decode them. */
export function publishedEvents(events: readonly OutgoingEvent[]): readonly Event[] {
  return eventsOf(binaryDeliverRequest(events));
}

/** An event as the relay passes it to a broker. */
export function outgoing(event: Event): OutgoingEvent {
  const { id, type, traceparent, sequence } = event;
  const encoded = toBinary(EventSchema, { ...event, sequence: 0n });
  return { id, type, traceparent, sequence: Number(sequence), encoded };
}
