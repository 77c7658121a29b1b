import { hostname } from "node:os";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { createServiceClient } from "@parley/rpc/client";
import { port, runService, serviceUrl, text } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { createOrderModule, orderMigrations } from "./index.ts";

const settings = {
  PORT: port({ default: 50053 }),
  DATABASE_URL: text({ default: "sqlite:./data/order.db" }),
  USER_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50051" }),
  PRODUCT_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50052" }),
};

await runService("order", settings, async ({ config, environment }) => {
  const url = config.DATABASE_URL;
  const database = await openDatabase(url, { migrations: orderMigrations, clock: environment.clock });
  const users = createServiceClient(UserService, config.USER_SERVICE_URL, { environment, callerName: "order" });
  const inventory = createServiceClient(InventoryService, config.PRODUCT_SERVICE_URL, {
    environment,
    callerName: "order",
  });
  // One process alone has a SQLite file open; what another database holds may be another replica's.
  const owner = url.startsWith("sqlite:") ? {} : { owner: `${hostname()}:${config.PORT}` };
  return createOrderModule({ environment, database, users, inventory, ...owner });
});
