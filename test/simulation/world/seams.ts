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

/** The processes that are simulated: one of each service, and in some worlds a second one of the order service. */
export type ProcessName = ServiceName | "order-2";

/** The service that a process is of. Undefined for a person's program. */
export function serviceOf(processName: string): ServiceName | undefined {
  return processName === "order-2" ? "order" : serviceNames.find((service) => service === processName);
}

/** The parts of a service, for replacing some of them. */
export interface Parts {
  readonly service: ServiceName;
  readonly life: Life;
  readonly environment: Environment;
  readonly database: Database;
  /** The way to another service. */
  connect(serverName: ServiceName): Transport;
}

/**
 * Where a simulation may be given something other than what production has. The one use is to plant a bug, to see that the
 * checks find it.
 */
export interface Seams {
  migrations?(service: ServiceName, migrations: readonly Migration[]): readonly Migration[];
  /** The file of which a database waits until it is on the disk. */
  syncedPath?(path: string): string;
  database?(database: Database, parts: Omit<Parts, "database">): Database;
  /** The product service as the order service sees it. */
  inventory?(inventory: InventoryClient, parts: Parts): InventoryClient;
  /** How the notification service reaches people. */
  channel?(channel: Channel, parts: Parts): Channel;
  /** Undefined leaves the service without a relay. */
  broker?(broker: Broker, parts: Parts): Broker | undefined;
  module?(module: ServiceModule, parts: Parts): ServiceModule;
}
