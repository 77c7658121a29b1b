import { brokerSettings } from "@parley/events";
import { port, runService, text } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { channelSettings, createNotificationModule, notificationMigrations, openChannel } from "./index.ts";

const settings = {
  ...channelSettings,
  BROKER_URL: brokerSettings.BROKER_URL,
  PORT: port({ default: 50054 }),
  DATABASE_URL: text({ default: "sqlite:./data/notification.db" }),
  SHOP_EMAIL: text({ default: "shop@example.com", desc: "Where the shop's own alerts go." }),
};

await runService("notification", settings, async ({ config, environment, fail }) => {
  const { DATABASE_URL: url, BROKER_URL: brokerUrl, SHOP_EMAIL: shopEmail } = config;
  const channel = openChannel(config, environment);
  const database = await openDatabase(url, {
    migrations: notificationMigrations,
    clock: environment.clock,
    onFailed: fail,
  });
  return createNotificationModule({ environment, database, channel, shopEmail, brokerUrl });
});
