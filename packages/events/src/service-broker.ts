import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import type { Environment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { serviceUrl, text } from "@parley/rpc/server";
import type { Broker } from "./broker/broker.ts";
import { openBroker } from "./broker/open-broker.ts";
import { type EventType, eventTypes } from "./event-types.ts";

/** The settings of a service that publishes events. */
export const brokerSettings = {
  BROKER_URL: text({
    default: "direct",
    desc: "The broker for events: direct, redis://host:port or kafka://host:port.",
  }),
  NOTIFICATION_SERVICE_URL: serviceUrl({
    default: "http://127.0.0.1:50054",
    desc: "The URL of the service that receives events.",
  }),
};

/** The types of events that the notification service handles. */
const notificationTypes: readonly EventType[] = [
  eventTypes.orderConfirmed,
  eventTypes.orderCancelled,
  eventTypes.stockLow,
];

export interface ServiceBrokerOptions {
  readonly config: { readonly BROKER_URL: string; readonly NOTIFICATION_SERVICE_URL: string };
  readonly environment: Environment;
}

/** The broker of a service of the platform, from its settings: the notification service is the subscriber. */
export function openServiceBroker(service: string, { config, environment }: ServiceBrokerOptions): Broker {
  const client = createServiceClient(EventService, config.NOTIFICATION_SERVICE_URL, {
    environment,
    callerName: service,
  });
  return openBroker(config.BROKER_URL, {
    source: `/services/${service}`,
    subscribers: [{ name: "notification", client, types: notificationTypes, writesBinary: true }],
    environment,
  });
}

/**
 * The name of this process among those that share its database. A SQLite file has one process: after a restart it has the same name and
 * takes its leases over at once. On a shared database a process cannot detect that another has died: each start has a new name, and
 * the leases of an earlier start are taken over when they have expired.
 */
export function replicaName({ databaseUrl, port }: { readonly databaseUrl: string; readonly port: number }): string {
  return databaseUrl.startsWith("sqlite:") ? "only" : `${hostname()}:${port}:${randomUUID()}`;
}
