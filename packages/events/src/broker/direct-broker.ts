import type { Client } from "@connectrpc/connect";
import type { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import type { OutgoingEvent } from "../event-log.ts";
import type { EventType } from "../event-types.ts";
import { causeOf } from "../inbox/failure-cause.ts";
import type { FailedDelivery } from "../inbox/inbox.ts";
import { type Broker, BrokerUnavailableError } from "./broker.ts";
import { binaryDeliverRequest, deliverRequest, ofTypes } from "./deliver-request.ts";

/** A service that receives events. */
export interface Subscriber {
  /** For logs, for example `notification`. */
  readonly name: string;
  readonly client: Pick<Client<typeof EventService>, "deliver">;
  /** Only events of these types. Default: all. */
  readonly types?: readonly EventType[];
  /** Whether the client always uses the binary codec, as service clients for a URL do: then events need not be decoded for it. */
  readonly writesBinary?: boolean;
}

/**
 * Without a broker: calls `EventService.Deliver` of each subscriber. An event is done when every subscriber has handled it. While one
 * fails, the others receive its events again, which their inboxes ignore.
 */
export function createDirectBroker({ subscribers }: { readonly subscribers: readonly Subscriber[] }): Broker {
  return {
    async publish(events, signal) {
      const answers = await Promise.allSettled(subscribers.map((subscriber) => deliver(subscriber, events, signal)));
      const failures = new Map<string, FailedDelivery>();
      for (const answer of answers) {
        if (answer.status === "rejected") {
          throw answer.reason;
        }
        for (const failure of answer.value) {
          failures.set(failure.eventId, failure);
        }
      }
      return [...failures.values()];
    },
    async close() {},
  };
}

async function deliver(
  { name, client, types, writesBinary = false }: Subscriber,
  events: readonly OutgoingEvent[],
  signal: AbortSignal,
): Promise<readonly FailedDelivery[]> {
  const wanted = ofTypes(events, types);
  if (wanted.length === 0) {
    return [];
  }
  try {
    const request = writesBinary ? binaryDeliverRequest(wanted) : deliverRequest(wanted);
    const { failures } = await client.deliver(request, { signal, headers: traceOf(wanted) });
    return failures;
  } catch (cause) {
    throw new BrokerUnavailableError(`${name} could not receive events: ${causeOf(cause)}`, { cause });
  }
}

/** A batch may contain events of several calls: the delivery belongs to the trace of the first. */
function traceOf(events: readonly OutgoingEvent[]): Readonly<Record<string, string>> {
  const traceparent = events.find((event) => event.traceparent !== "")?.traceparent;
  return traceparent === undefined ? {} : { traceparent };
}
