import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import type { Environment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { serviceUrl, text } from "@parley/rpc/server";
import type { Broker } from "./broker/broker.ts";
import { openBroker } from "./broker/open-broker.ts";
import { type EventType, eventTypes } from "./event-types.ts";

/** The settings of a service that tells others what happened. */
export const brokerSettings = {
  BROKER_URL: text({ default: "direct", desc: "How events travel: direct, or redis://host:port." }),
  NOTIFICATION_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50054", desc: "Who is told of events." }),
};

/** What people are told of. */
const notificationTypes: readonly EventType[] = [
  eventTypes.orderConfirmed,
  eventTypes.orderCancelled,
  eventTypes.stockLow,
];

export interface ServiceBrokerOptions {
  readonly config: { readonly BROKER_URL: string; readonly NOTIFICATION_SERVICE_URL: string };
  readonly environment: Environment;
}

/** The broker of a service of the platform, by its settings: the notification service is told what people are told of. */
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
 * A name for this process among those that share its database. One process alone has a SQLite file open: its next life has the same name, and
 * takes over at once what this one left. Of many none can know that another one is gone: each life has a name of its own, and what
 * it left is taken over when its leases have run out.
 */
export function replicaName({ databaseUrl, port }: { readonly databaseUrl: string; readonly port: number }): string {
  return databaseUrl.startsWith("sqlite:") ? "only" : `${hostname()}:${port}:${randomUUID()}`;
}
