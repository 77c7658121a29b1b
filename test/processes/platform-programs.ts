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
import type { Program } from "./program.ts";
import { redisProgram } from "./redis-program.ts";
import { serviceProgram } from "./service-program.ts";

/** The services that orders and their notifications need, each in its own process, with clients. */
export interface PlatformPrograms {
  readonly user: Program;
  readonly product: Program;
  readonly order: Program;
  readonly notification: Program;
  /** Set if events travel over Redis. */
  readonly redis: Program | undefined;
  /** All of the above, dependencies first. */
  readonly programs: readonly Program[];
  readonly orders: Client<typeof OrderService>;
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly notifications: Client<typeof NotificationService>;
  /** The path of a service's database. */
  databasePath(service: "user" | "product" | "order" | "notification"): string;
  /** Deletes all data of Redis, which must not be running. */
  loseRedisData(): Promise<void>;
  /** Kills the running programs and removes the data. */
  dispose(): Promise<void>;
}

export interface PlatformProgramsOptions {
  /** The path of `redis-server`. If set, events travel over Redis, otherwise directly. */
  readonly redisServer?: string;
}

/** The drain timeout of a service, in milliseconds: longer than any call in flight may take. */
const shutdownGraceMs = 6_000;

/** Starts user, product, order and notification with sample data, and Redis if `redisServer` is set. */
export async function startPlatformPrograms({ redisServer }: PlatformProgramsOptions = {}): Promise<PlatformPrograms> {
  const folder = await mkdtemp(join(tmpdir(), "parley-platform-"));
  const databasePath = (service: string) => join(folder, `${service}.db`);
  const redisFolder = join(folder, "redis");
  await mkdir(redisFolder);
  async function loseRedisData() {
    await rm(redisFolder, { recursive: true });
    await mkdir(redisFolder);
  }
  const redis = redisServer === undefined ? undefined : await redisProgram(redisServer, redisFolder);

  const service = (name: string, settings: Readonly<Record<string, string>>) =>
    serviceProgram({
      name,
      main: `packages/${name}/src/main.ts`,
      databasePath: databasePath(name),
      settings: { BROKER_URL: redis?.url ?? "direct", SHUTDOWN_GRACE_MS: String(shutdownGraceMs), ...settings },
    });
  const notification = await service("notification", {});
  const told = { NOTIFICATION_SERVICE_URL: notification.url };
  const user = await service("user", told);
  const product = await service("product", told);
  const order = await service("order", { ...told, USER_SERVICE_URL: user.url, PRODUCT_SERVICE_URL: product.url });
  const programs = [...(redis === undefined ? [] : [redis]), user, product, notification, order];

  async function dispose() {
    await Promise.all(programs.map((each) => each.kill()));
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await Promise.all(programs.map((each) => each.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  return {
    user,
    product,
    order,
    notification,
    redis,
    programs,
    orders: createServiceClient(OrderService, order.url, { environment }),
    products: createServiceClient(ProductService, product.url, { environment }),
    inventory: createServiceClient(InventoryService, product.url, { environment }),
    notifications: createServiceClient(NotificationService, notification.url, { environment }),
    databasePath,
    loseRedisData,
    dispose,
  };
}
