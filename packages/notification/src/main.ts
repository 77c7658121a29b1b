import { brokerSettings } from "@parley/events";
import { createStoreObserver, patchProtobuf } from "@parley/rpc";
import { port, runService, serverUrl, text, wholeNumber } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { createNotificationModule, notificationMigrations, openChannel, smtpConnectionsMax } from "./index.ts";

const settings = {
  BROKER_URL: brokerSettings.BROKER_URL,
  PORT: port({ default: 50054 }),
  DATABASE_URL: text({ default: "sqlite:./data/notification.db" }),
  SMTP_URL: serverUrl(["smtp", "smtps"], {
    default: "",
    desc: "The mail server, for example smtp://localhost:25. Without it, mails are written to the log.",
  }),
  SMTP_CONNECTIONS_MAX: wholeNumber({
    min: 1,
    max: 100,
    default: smtpConnectionsMax,
    desc: "Connections to the mail server, and so concurrent mails.",
  }),
  MAIL_FROM: text({ default: "Parley <shop@example.com>", desc: "The sender of the mails." }),
  SHOP_EMAIL: text({ default: "shop@example.com", desc: "Recipient of the shop's alerts." }),
};

patchProtobuf();
await runService("notification", settings, async ({ config, environment, fail }) => {
  const { DATABASE_URL: url, BROKER_URL: brokerUrl, SHOP_EMAIL: shopEmail } = config;
  const channel = openChannel(config, environment);
  const database = await openDatabase(url, {
    ...environment,
    migrations: notificationMigrations,
    onFailed: fail,
    observer: createStoreObserver(environment, url),
  });
  return createNotificationModule({ environment, database, channel, shopEmail, brokerUrl });
});
