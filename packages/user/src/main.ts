import { brokerSettings, openServiceBroker, replicaName } from "@parley/events";
import { limitsSettings, openLimits } from "@parley/events/limits";
import { createStoreObserver, patchProtobuf } from "@parley/rpc";
import { runService } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { adminAccount, createUserModule, userMigrations } from "./index.ts";
import { createsSamples, keySealOf, userSettings } from "./settings.ts";

patchProtobuf();
await runService(
  "user",
  { ...brokerSettings, ...limitsSettings, ...userSettings },
  async ({ config, environment, fail }) => {
    const { DATABASE_URL: url, ADMIN_EMAIL, ADMIN_PASSWORD } = config;
    const admin = adminAccount(ADMIN_EMAIL, ADMIN_PASSWORD);
    const sampleData = createsSamples(config);
    return createUserModule({
      environment,
      database: await openDatabase(url, {
        ...environment,
        migrations: userMigrations,
        onFailed: fail,
        observer: createStoreObserver(environment, url),
      }),
      broker: openServiceBroker("user", { config, environment }),
      limits: await openLimits(config.LIMITS_URL, environment),
      replica: replicaName({ databaseUrl: url, port: config.PORT }),
      keySeal: await keySealOf(config),
      signInRequired: config.AUTH === "required",
      sampleData,
      admin,
    });
  },
);
