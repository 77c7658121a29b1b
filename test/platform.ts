import type { Client, Transport } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { type Checkpoint, createOrderModule, orderMigrations } from "@parley/order";
import { createProductModule, productMigrations } from "@parley/product";
import { type Clock, type Environment, newUuidV7, systemClock, systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import type { ServiceModule } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { type Database, type Migration, openDatabase } from "@parley/store";
import { createUserModule, userMigrations } from "@parley/user";

/** The services of the platform that run in one process here. */
export type ServiceName = "user" | "product" | "order";

export interface PlatformOptions {
  /** Default: the system clock. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: () => number;
  /** Default: UUIDv7 from the clock and the randomness above. */
  readonly newId?: () => string;
  /** Whether to create users 1 to 3 and products 101 to 105. Default: true. */
  readonly sampleData?: boolean;
  /** Opens the database of each service. Default: in memory. */
  readonly open?: (service: ServiceName, migrations: readonly Migration[]) => Promise<Database>;
  /** Wraps the transport between a caller (a service, or `test`) and a service, for example with a faulty network. Default: no wrapper. */
  readonly between?: (caller: ServiceName | "test", service: ServiceName, transport: Transport) => Transport;
  /** Called at the points where the order service may crash. */
  readonly orderCheckpoint?: Checkpoint;
}

/** The services in one process, called over in-memory transports. */
export interface Platform {
  readonly users: Client<typeof UserService>;
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly orders: Client<typeof OrderService>;
  readonly databases: Readonly<Record<ServiceName, Database>>;
  readonly modules: Readonly<Record<ServiceName, ServiceModule>>;
  /** Stops the services, callers before their callees. */
  stop(): Promise<void>;
}

/**
 * Starts the user, product and order services in this process, without sockets. The caller chooses clock, ids, randomness,
 * databases and network.
 */
export async function createInMemoryPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const { clock = systemClock, random = Math.random, sampleData = true, between = (_, __, direct) => direct } = options;
  const { newId = newUuidV7({ clock, random }), open = openInMemory(clock) } = options;
  const environmentOf = (name: string): Environment => ({
    ...systemEnvironment({ name, logLevel: "silent" }),
    clock,
    random,
    newId,
  });
  const environments = {
    user: environmentOf("user"),
    product: environmentOf("product"),
    order: environmentOf("order"),
    test: environmentOf("test"),
  };
  const databases = {
    user: await open("user", userMigrations),
    product: await open("product", productMigrations),
    order: await open("order", orderMigrations),
  };

  const user = createUserModule({ environment: environments.user, database: databases.user, sampleData });
  const product = createProductModule({ environment: environments.product, database: databases.product, sampleData });
  const transports = {
    user: connectInMemory(user, environments.user),
    product: connectInMemory(product, environments.product),
  };
  const order = createOrderModule({
    environment: environments.order,
    database: databases.order,
    users: createServiceClient(UserService, between("order", "user", transports.user), {
      environment: environments.order,
    }),
    inventory: createServiceClient(InventoryService, between("order", "product", transports.product), {
      environment: environments.order,
    }),
    // As with AUTH=off.
    guestOrders: true,
    ...(options.orderCheckpoint === undefined ? {} : { checkpoint: options.orderCheckpoint }),
  });
  const modules = { user, product, order };
  for (const module of Object.values(modules)) await module.start?.();

  const environment = environments.test;
  const toUser = between("test", "user", transports.user);
  const toProduct = between("test", "product", transports.product);
  const toOrder = between("test", "order", connectInMemory(order, environments.order));
  return {
    users: createServiceClient(UserService, toUser, { environment }),
    products: createServiceClient(ProductService, toProduct, { environment }),
    inventory: createServiceClient(InventoryService, toProduct, { environment }),
    orders: createServiceClient(OrderService, toOrder, { environment }),
    databases,
    modules,
    async stop() {
      for (const module of [order, product, user]) await module.stop?.();
    },
  };
}

function openInMemory(clock: Clock): NonNullable<PlatformOptions["open"]> {
  return (_, migrations) => openDatabase("sqlite::memory:", { migrations, clock });
}
