import { create } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { expect, test } from "vitest";
import { outgoing } from "../testing/sent-events.ts";
import { orderConfirmed, stockLow } from "../testing/test-parts.ts";
import { createDirectBroker } from "./direct-broker.ts";

const events: readonly Event[] = [
  create(EventSchema, { ...orderConfirmed("o1", 1), id: "e1", source: "/services/order", sequence: 41n }),
  create(EventSchema, { ...stockLow("101"), id: "e2", source: "/services/product", sequence: 42n }),
];

/** Publishes to a subscriber behind a transport with the codec, and returns the events that arrived. */
async function published(useBinaryFormat: boolean, options: { readonly writesBinary?: boolean } = {}) {
  const arrived: Event[] = [];
  const transport = createRouterTransport(
    ({ rpc }) => {
      rpc(EventService.method.deliver, (request) => {
        arrived.push(...request.events);
        return {};
      });
    },
    { transport: { useBinaryFormat } },
  );
  const client = createClient(EventService, transport);
  const broker = createDirectBroker({ subscribers: [{ name: "notification", client, ...options }] });
  expect(await broker.publish(events.map(outgoing), new AbortController().signal)).toEqual([]);
  return arrived;
}

test.each([true, false])("events arrive with each of the subscriber's codecs (binary: %s)", async (useBinaryFormat) => {
  expect(await published(useBinaryFormat)).toEqual(events);
});

test("a client with the binary codec only skips the decoding, and the same events arrive", async () => {
  expect(await published(true, { writesBinary: true })).toEqual(await published(true));
});
