import type { Client } from "@connectrpc/connect";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { newUuidV7, sleep } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Life } from "../world/life.ts";
import type { World } from "../world/world.ts";

/** A user, whose client process never crashes. */
export interface Person {
  readonly name: string;
  readonly orders: Client<typeof OrderService>;
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  newId(): string;
}

const log = pino({ level: "silent" });
const metrics = new Registry();

export function createPerson(world: World, name: string): Person {
  const life = new Life(name, world.time);
  const random = world.random.fork(name).next;
  const environment = { clock: world.time, random, newId: newUuidV7({ clock: world.time, random }), log, metrics };
  const options = { environment };
  return {
    name,
    orders: createServiceClient(OrderService, world.connect(life, "order"), options),
    products: createServiceClient(ProductService, world.connect(life, "product"), options),
    inventory: createServiceClient(InventoryService, world.connect(life, "product"), options),
    newId: environment.newId,
  };
}

/** Waits for up to `maxMs` of simulated time. */
export function pause(world: World, maxMs: number): Promise<void> {
  return sleep(world.time, maxMs * world.random.next());
}
