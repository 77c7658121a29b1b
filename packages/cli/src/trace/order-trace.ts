import { randomBytes } from "node:crypto";
import { addressOfService } from "../connection/service-address.ts";
import type { SequenceCall } from "../render/sequence-steps.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { type CollectedTrace, collectTrace } from "./collect-trace.ts";

/** The services that an order comes by. The gateway is not asked: the order goes to its service's own port. */
const onTheWay = ["order", "user", "product", "notification"];

/** How long the notification of a confirmed order is waited for: it follows within a second unless something is wrong. */
const notificationWaitMaxMs = 3_000;

/** A trace of one's own: its id, and the header that makes a call the first of it (W3C Trace Context, section 3.2). */
export function newTrace(): { readonly traceId: string; readonly traceparent: string } {
  const traceId = randomBytes(16).toString("hex");
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` };
}

export interface OrderTraceOptions {
  readonly services: readonly ServiceDefinition[];
  readonly portOffset: number;
  /** Whether the order was confirmed, so that somebody is told of it. */
  readonly confirmed: boolean;
}

/** Every call that was made for an order, told by the services that answered them. */
export function collectOrderTrace(traceId: string, options: OrderTraceOptions): Promise<CollectedTrace> {
  const { services, portOffset, confirmed } = options;
  const asked = services
    .filter(({ name }) => onTheWay.includes(name))
    .map((service) => ({
      name: service.name,
      url: addressOfService(service, { services, portOffset, shell: process.env }),
    }));
  const isWhole = (calls: readonly SequenceCall[]) => !confirmed || calls.some(({ method }) => method === "Deliver");
  return collectTrace(traceId, { services: asked, isWhole, waitMaxMs: notificationWaitMaxMs });
}
