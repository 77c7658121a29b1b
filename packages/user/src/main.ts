import { brokerSettings, openServiceBroker, replicaName } from "@parley/events";
import { flag, port, runService, text } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { adminAccount, createUserModule, userMigrations } from "./index.ts";

const settings = {
  ...brokerSettings,
  PORT: port({ default: 50051 }),
  DATABASE_URL: text({ default: "sqlite:./data/user.db" }),
  SAMPLE_DATA: flag({ default: undefined, desc: "Whether sample users are made. On by default with SQLite." }),
  ADMIN_EMAIL: text({ default: undefined, desc: "Who is made an admin at the start, with ADMIN_PASSWORD." }),
  ADMIN_PASSWORD: text({ default: undefined, desc: "The admin's first password." }),
};

await runService("user", settings, async ({ config, environment, fail }) => {
  const { DATABASE_URL: url, ADMIN_EMAIL, ADMIN_PASSWORD } = config;
  const admin = adminAccount(ADMIN_EMAIL, ADMIN_PASSWORD);
  return createUserModule({
    environment,
    database: await openDatabase(url, { migrations: userMigrations, clock: environment.clock, onFailed: fail }),
    broker: openServiceBroker("user", { config, environment }),
    replica: replicaName({ databaseUrl: url, port: config.PORT }),
    sampleData: config.SAMPLE_DATA ?? url.startsWith("sqlite:"),
    admin,
  });
});
