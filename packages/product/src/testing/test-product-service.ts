import { type Client, createClient } from "@connectrpc/connect";
import type { Broker } from "@parley/events";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { type Environment, systemEnvironment } from "@parley/rpc";
import { connectInMemory, createTestClock, type TestClock } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { createProductModule, productMigrations } from "../index.ts";

/** The product service in memory, with the sample products and a manual clock. */
export interface TestProductService extends AsyncDisposable {
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  readonly database: Database;
  readonly clock: TestClock;
}

export async function openProductService(broker?: Broker): Promise<TestProductService> {
  const clock = createTestClock();
  const environment: Environment = { ...systemEnvironment({ name: "product", logLevel: "silent" }), clock };
  const database = await openTestDatabase({ migrations: productMigrations, clock });
  const module = createProductModule({ environment, database, sampleData: true, broker });
  const transport = connectInMemory(module, environment);
  await module.start?.();
  return {
    products: createClient(ProductService, transport),
    inventory: createClient(InventoryService, transport),
    database,
    clock,
    [Symbol.asyncDispose]: async () => module.stop?.(),
  };
}
