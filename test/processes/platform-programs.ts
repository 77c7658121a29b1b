import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import type { PostgresBinaries } from "@parley/store/postgres-server";
import { kafkaProgram } from "./kafka-program.ts";
import { type PostgresProgram, postgresProgram } from "./postgres-program.ts";
import { postgresWithStandby } from "./postgres-with-standby.ts";
import type { Program } from "./program.ts";
import { redisProgram } from "./redis-program.ts";
import { serviceProgram } from "./service-program.ts";

/** A service of the platform. */
export type PlatformService = "user" | "product" | "order" | "notification";

/** The services that orders and their notifications need, each in its own process, with clients. */
export interface PlatformPrograms {
  /** The first replica of the service, as are the next three. */
  readonly user: Program;
  readonly product: Program;
  readonly order: Program;
  readonly notification: Program;
  /** Set if events travel over Redis. */
  readonly redis: Program | undefined;
  /** Set if the services share databases on a PostgreSQL server. */
  readonly postgres: PostgresProgram | undefined;
  /** Set if events travel over Kafka. */
  readonly kafka: Program | undefined;
  /** All replicas of each service. */
  readonly replicas: Readonly<Record<PlatformService, readonly Program[]>>;
  /** All programs, dependencies first. */
  readonly programs: readonly Program[];
  readonly orders: Client<typeof OrderService>;
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly notifications: Client<typeof NotificationService>;
  /** The path of a service's SQLite file. */
  databasePath(service: PlatformService): string;
  /** Deletes all data of Redis, which must not be running. */
  loseRedisData(): Promise<void>;
  /** Kills the running programs and removes the data. */
  dispose(): Promise<void>;
}

export interface PlatformProgramsOptions {
  /** The path of `redis-server`. If set, events travel over Redis, otherwise directly. */
  readonly redisServer?: string;
  /** If set, the services' databases are on a PostgreSQL server of these programs, otherwise in SQLite files. */
  readonly postgres?: PostgresBinaries | undefined;
  /** Whether PostgreSQL has a synchronous standby, which is promoted when the primary has ended. Needs Debian's programs. */
  readonly hasStandby?: boolean | undefined;
  /** The folder of Kafka's jars. If set, events travel over Kafka. */
  readonly kafkaLibs?: string | undefined;
  /** The number of processes of each service. More than one need PostgreSQL. Default: 1. */
  readonly replicas?: number;
}

/** The drain timeout of a service, in milliseconds: longer than any call in flight may take. */
const shutdownGraceMs = 6_000;
/** Connections of one process to PostgreSQL: eight processes need fewer than a server takes by default. */
const connectionsMax = 8;

/** Starts the replicas of user, product, order and notification with sample data, and Redis and PostgreSQL if they are set. */
export async function startPlatformPrograms(options: PlatformProgramsOptions = {}): Promise<PlatformPrograms> {
  const { redisServer, replicas: replicaCount = 1 } = options;
  if (replicaCount > 1 && options.postgres === undefined) {
    throw new RangeError(`${replicaCount} replicas need PostgreSQL: a SQLite file serves one process`);
  }
  const folder = await mkdtemp(join(tmpdir(), "parley-platform-"));
  const databasePath = (service: PlatformService) => join(folder, `${service}.db`);
  const redisFolder = join(folder, "redis");
  await mkdir(redisFolder);
  async function loseRedisData() {
    await rm(redisFolder, { recursive: true });
    await mkdir(redisFolder);
  }
  const redis = redisServer === undefined ? undefined : await redisProgram(redisServer, redisFolder);
  const createPostgres = options.hasStandby === true ? postgresWithStandby : postgresProgram;
  const postgres = options.postgres && (await createPostgres(options.postgres, { folder, databases: serviceNames }));
  const kafka = options.kafkaLibs === undefined ? undefined : await kafkaProgram(options.kafkaLibs, folder);

  const service = (name: PlatformService, settings: Readonly<Record<string, string>>) =>
    Promise.all(
      Array.from({ length: replicaCount }, (_, index) =>
        serviceProgram({
          name: index === 0 ? name : `${name}-${index + 1}`,
          main: `packages/${name}/src/main.ts`,
          databasePath: databasePath(name),
          settings: {
            BROKER_URL: redis?.url ?? kafka?.url ?? "direct",
            SHUTDOWN_GRACE_MS: String(shutdownGraceMs),
            ...(postgres && postgresSettings(name, postgres)),
            ...settings,
          },
        }),
      ),
    );
  const notification = await service("notification", {});
  const consumer = { NOTIFICATION_SERVICE_URL: targetOf(notification) };
  const user = await service("user", consumer);
  const product = await service("product", consumer);
  const callees = { USER_SERVICE_URL: targetOf(user), PRODUCT_SERVICE_URL: targetOf(product) };
  const order = await service("order", { ...consumer, ...callees });
  const replicas = { user, product, order, notification };
  const servers = [redis, kafka, postgres].filter((each) => each !== undefined);
  const services = [user, product, notification, order].flat();

  async function dispose() {
    await Promise.all(services.map((each) => each.kill()));
    await Promise.all(servers.map((each) => each.kill()));
    await postgres?.dispose?.();
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await Promise.all(servers.map((each) => each.start()));
    await Promise.all(services.map((each) => each.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  return {
    user: firstOf(user),
    product: firstOf(product),
    order: firstOf(order),
    notification: firstOf(notification),
    redis,
    postgres,
    kafka,
    replicas,
    programs: [...servers, ...services],
    orders: createServiceClient(OrderService, targetOf(order), { environment }),
    products: createServiceClient(ProductService, targetOf(product), { environment }),
    inventory: createServiceClient(InventoryService, targetOf(product), { environment }),
    notifications: createServiceClient(NotificationService, targetOf(notification), { environment }),
    databasePath,
    loseRedisData,
    dispose,
  };
}

const serviceNames: readonly PlatformService[] = ["user", "product", "order", "notification"];

/** With PostgreSQL there is no file for the secret beside the database, and no sample data by default. */
function postgresSettings(name: PlatformService, postgres: PostgresProgram): Readonly<Record<string, string>> {
  return {
    DATABASE_URL: `${postgres.databaseUrl(name)}?connections_max=${connectionsMax}`,
    SAMPLE_DATA: "true",
    SIGNING_KEY_SECRET: signingKeySecret,
  };
}

/** The same for all replicas. */
const signingKeySecret = randomBytes(32).toString("base64");

/** A client's target: the addresses of all replicas. */
function targetOf(replicas: readonly Program[]): string {
  return replicas.map(({ url }) => url).join(",");
}

function firstOf([first]: readonly Program[]): Program {
  if (first === undefined) throw new RangeError("a service has at least one replica");
  return first;
}
