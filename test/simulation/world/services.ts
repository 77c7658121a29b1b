import { type Broker, createDirectBroker } from "@parley/events";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { type Channel, createNotificationModule, notificationMigrations } from "@parley/notification";
import { createOrderModule, orderMigrations } from "@parley/order";
import { createProductModule, productMigrations } from "@parley/product";
import { createServiceClient } from "@parley/rpc/client";
import type { ServiceModule } from "@parley/rpc/server";
import type { Migration } from "@parley/store";
import { createUserModule, userMigrations } from "@parley/user";
import type { Parts, Seams, ServiceName } from "./seams.ts";

/** The environment of a simulated service. */
export interface Surroundings extends Parts {
  readonly channel: Channel;
  readonly seams: Seams;
  /** Calls back after the current turn of the process's event loop: calls made in one turn are batched. */
  readonly nextTurn: (callback: () => void) => void;
}

/** The buyers. In production the user service creates them at start, which the simulation skips. */
export const buyers = [
  { id: "1", name: "Alice Johnson", email: "alice@example.com" },
  { id: "2", name: "Bob Smith", email: "bob@example.com" },
  { id: "3", name: "Charlie Brown", email: "charlie@example.com" },
] as const;

const buyersMigration: Migration = {
  id: "simulation/0001-buyers",
  sql: buyers
    .map(
      ({ id, name, email }) =>
        `INSERT INTO users (id, name, email, email_key, phone, address, role, password_hash, version, create_time, update_time)
         VALUES ('${id}', '${name}', '${email}', '${email}', '', '', 'customer', '', 1, 0, 0);`,
    )
    .join("\n"),
};

/** The schemas of the services, each with its own database. */
export const migrationsOf: Readonly<Record<ServiceName, readonly Migration[]>> = {
  user: [...userMigrations, buyersMigration],
  product: productMigrations,
  order: orderMigrations,
  notification: notificationMigrations,
};

/** Creates a service as its `main.ts` does, in the simulated environment. */
export const makeService: Readonly<Record<ServiceName, (around: Surroundings) => ServiceModule>> = {
  user({ environment, database }) {
    const module = createUserModule({ environment, database });
    // Omits `start`: it generates a signing key on a thread, which runs at the machine's pace. No user signs in here.
    return { entries: module.entries };
  },
  product(around) {
    const { environment, database } = around;
    const replica = ownerOf(around);
    return createProductModule({ environment, database, sampleData: true, broker: brokerFor(around), replica });
  },
  order(around) {
    const { environment, database, connect, seams, nextTurn } = around;
    // Batches as in production: a client with an injected transport batches only with an explicit `batchSchedule`.
    const options = { environment, batchSchedule: nextTurn };
    const inventory = createServiceClient(InventoryService, connect("product"), options);
    return createOrderModule({
      environment,
      database,
      users: createServiceClient(UserService, connect("user"), options),
      inventory: seams.inventory?.(inventory, around) ?? inventory,
      owner: ownerOf(around),
      guestOrders: true,
      broker: brokerFor(around),
    });
  },
  notification(around) {
    const { environment, database, seams } = around;
    const channel = seams.channel?.(around.channel, around) ?? around.channel;
    return createNotificationModule({ environment, database, channel, shopEmail: "shop@example.com" });
  },
};

/** As in the services' `main.ts`: each life of a replica has a name of its own. */
function ownerOf({ database, environment }: Surroundings): string {
  return database.isShared === true ? environment.newId() : "only";
}

/** Events go directly to the notification service, which is their only consumer. */
function brokerFor(around: Surroundings): Broker | undefined {
  const { connect, environment, seams } = around;
  const client = createServiceClient(EventService, connect("notification"), { environment });
  const broker = createDirectBroker({ subscribers: [{ name: "notification", client, writesBinary: true }] });
  return seams.broker === undefined ? broker : seams.broker(broker, around);
}
