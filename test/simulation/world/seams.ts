import type { Transport } from "@connectrpc/connect";
import type { Broker } from "@parley/events";
import type { Channel } from "@parley/notification";
import type { InventoryClient } from "@parley/order";
import type { Environment } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import type { Database, Migration } from "@parley/store";
import type { Life } from "./life.ts";

/** The services that are simulated. */
export type ServiceName = "user" | "product" | "order" | "notification";
export const serviceNames: readonly ServiceName[] = ["user", "product", "order", "notification"];

/** The processes that are simulated: one for each service, and in some worlds a second one of some services. */
export type ProcessName = ServiceName | `${ServiceName}-2`;

/** The service of a process. Undefined for a user's client. */
export function serviceOf(processName: string): ServiceName | undefined {
  return serviceNames.find((service) => processName === service || processName === `${service}-2`);
}

/** The parts of a service that a seam can use. */
export interface Parts {
  readonly service: ServiceName;
  readonly life: Life;
  readonly environment: Environment;
  readonly database: Database;
  /** A transport to another service. */
  connect(serverName: ServiceName): Transport;
}

/** Seams for replacing production code in a simulation. Their only use is to plant bugs, which proves that the checks find them. */
export interface Seams {
  migrations?(service: ServiceName, migrations: readonly Migration[]): readonly Migration[];
  /** Changes which file a database syncs to disk. */
  syncedPath?(path: string): string;
  database?(database: Database, parts: Omit<Parts, "database">): Database;
  /** Passes a serialization failure of a shared database on to the service, instead of running the transaction again. */
  readonly passesOnSerializationFailures?: true;
  /** Messages that were on their way when the database server failed over are still delivered. */
  readonly deliversAcrossFailover?: true;
  /** Each service's database has a server of its own, whose standby lags by itself. */
  readonly lagsApart?: true;
  /** The order service's client of the product service. */
  inventory?(inventory: InventoryClient, parts: Parts): InventoryClient;
  /** The notification service's channel to recipients. */
  channel?(channel: Channel, parts: Parts): Channel;
  /** Undefined leaves the service without a relay. */
  broker?(broker: Broker, parts: Parts): Broker | undefined;
  module?(module: ServiceModule, parts: Parts): ServiceModule;
}
