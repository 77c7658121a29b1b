import { brokerSettings, openServiceBroker, replicaName } from "@parley/events";
import { createStoreObserver, patchProtobuf } from "@parley/rpc";
import { flag, port, runService, text } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { createProductModule, productMigrations } from "./index.ts";

const settings = {
  ...brokerSettings,
  PORT: port({ default: 50052 }),
  DATABASE_URL: text({ default: "sqlite:./data/product.db" }),
  SAMPLE_DATA: flag({
    default: undefined,
    desc: "Whether sample products are created in an empty catalogue. Default: on with SQLite.",
  }),
};

patchProtobuf();
await runService("product", settings, async ({ config, environment, fail }) => {
  const url = config.DATABASE_URL;
  return createProductModule({
    environment,
    database: await openDatabase(url, {
      ...environment,
      migrations: productMigrations,
      onFailed: fail,
      observer: createStoreObserver(environment, url),
    }),
    broker: openServiceBroker("product", { config, environment }),
    replica: replicaName({ databaseUrl: url, port: config.PORT }),
    sampleData: config.SAMPLE_DATA ?? url.startsWith("sqlite:"),
  });
});
