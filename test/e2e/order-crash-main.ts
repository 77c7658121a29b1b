// The order service, which kills itself as `kill -9` would at the checkpoint in CRASH_AT. For order-crash.test.ts.
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { createOrderModule, orderMigrations } from "@parley/order";
import { createServiceClient } from "@parley/rpc/client";
import { runService, serviceUrl, text } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";

const settings = {
  DATABASE_URL: text(),
  USER_SERVICE_URL: serviceUrl(),
  PRODUCT_SERVICE_URL: serviceUrl(),
  CRASH_AT: text({ default: "" }),
};

await runService("order", settings, async ({ config, environment }) =>
  createOrderModule({
    environment,
    database: await openDatabase(config.DATABASE_URL, { migrations: orderMigrations }),
    users: createServiceClient(UserService, config.USER_SERVICE_URL, { environment }),
    inventory: createServiceClient(InventoryService, config.PRODUCT_SERVICE_URL, { environment }),
    checkpoint(name) {
      if (name === config.CRASH_AT) {
        process.kill(process.pid, "SIGKILL");
      }
    },
  }),
);
