import { randomBytes } from "node:crypto";
import { addressOfService } from "../connection/service-address.ts";
import type { SequenceCall } from "../render/sequence-steps.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { type CollectedTrace, collectTrace, type TracedService } from "./collect-trace.ts";

/** The services that an order comes by, behind the gateway. */
const orderServices = ["order", "user", "product", "notification"];
/** The services that a call to the echo pair comes by, behind the gateway. */
const echoServices = ["echo-b", "echo-a"];

/** How long the calls of an answered call are waited for: they are there at once unless a service is gone. */
const callsWaitMaxMs = 1_000;
/** How long the notification of a confirmed order is waited for: it follows within a second unless something is wrong. */
const notificationWaitMaxMs = 3_000;

/** A trace of one's own: its id, and the header that makes a call the first of it (W3C Trace Context, section 3.2). */
export function newTrace(): { readonly traceId: string; readonly traceparent: string } {
  const traceId = randomBytes(16).toString("hex");
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` };
}

export interface TraceOptions {
  readonly services: readonly ServiceDefinition[];
  readonly portOffset: number;
  /** The gateway's address, where the call went through it. */
  readonly gatewayUrl?: string | undefined;
}

/** Every call that was made for an order, told by the services that answered them. */
export function collectOrderTrace(
  traceId: string,
  {
    confirmed,
    ...options
  }: TraceOptions & {
    /** Whether the order was confirmed, so that a notification follows. */ readonly confirmed: boolean;
  },
): Promise<CollectedTrace> {
  return collectTrace(traceId, {
    services: tracedServices(orderServices, options),
    isWhole: (calls) => isComplete(calls, options) && (!confirmed || calls.some(({ method }) => method === "Deliver")),
    waitMaxMs: notificationWaitMaxMs,
  });
}

/** Every call that was made for a message to the echo pair. */
export function collectEchoTrace(traceId: string, options: TraceOptions): Promise<CollectedTrace> {
  return collectTrace(traceId, {
    services: tracedServices(echoServices, options),
    isWhole: (calls) => isComplete(calls, options) && calls.some(({ method }) => method === "Echo"),
    waitMaxMs: callsWaitMaxMs,
  });
}

/** Whether the call from outside is there: the gateway keeps it after it has answered. */
function isComplete(calls: readonly SequenceCall[], { gatewayUrl }: TraceOptions): boolean {
  return gatewayUrl === undefined || calls.some(({ to }) => to === "gateway");
}

function tracedServices(
  names: readonly string[],
  { services, portOffset, gatewayUrl }: TraceOptions,
): readonly TracedService[] {
  const behind = services
    .filter(({ name }) => names.includes(name))
    .map((service) => ({
      name: service.name,
      url: addressOfService(service, { services, portOffset, shell: process.env }),
    }));
  return gatewayUrl === undefined ? behind : [{ name: "gateway", url: gatewayUrl }, ...behind];
}
