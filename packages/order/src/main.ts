import { brokerSettings, openServiceBroker, replicaName } from "@parley/events";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { createStoreObserver, patchProtobuf } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { flag, port, runService, serviceUrl, text } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { createOrderModule, orderMigrations } from "./index.ts";

const settings = {
  ...brokerSettings,
  PORT: port({ default: 50053 }),
  DATABASE_URL: text({ default: "sqlite:./data/order.db" }),
  USER_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50051" }),
  PRODUCT_SERVICE_URL: serviceUrl({ default: "http://127.0.0.1:50052" }),
  GUEST_ORDERS: flag({
    default: undefined,
    desc: "Whether orders without a user are accepted. Default: on with AUTH=off.",
  }),
};

patchProtobuf();
await runService("order", settings, async ({ config, environment, fail }) => {
  const { DATABASE_URL: url, USER_SERVICE_URL, PRODUCT_SERVICE_URL } = config;
  const asOrder = { environment, callerName: "order" };
  return createOrderModule({
    environment,
    database: await openDatabase(url, {
      ...environment,
      migrations: orderMigrations,
      onFailed: fail,
      observer: createStoreObserver(environment, url),
    }),
    users: createServiceClient(UserService, USER_SERVICE_URL, asOrder),
    guestOrders: config.GUEST_ORDERS ?? config.AUTH === "off",
    inventory: createServiceClient(InventoryService, PRODUCT_SERVICE_URL, asOrder),
    broker: openServiceBroker("order", { config, environment }),
    owner: replicaName({ databaseUrl: url, port: config.PORT }),
  });
});
