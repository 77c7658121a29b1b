import { brokerSettings } from "@parley/events";
import { port, runService, text } from "@parley/rpc/server";
import { openDatabase } from "@parley/store";
import { createLogChannel, createNotificationModule, createSmtpChannel, notificationMigrations } from "./index.ts";

const settings = {
  BROKER_URL: brokerSettings.BROKER_URL,
  PORT: port({ default: 50054 }),
  DATABASE_URL: text({ default: "sqlite:./data/notification.db" }),
  SMTP_URL: text({
    default: "",
    desc: "The mail server, for example smtp://localhost:25. Without it, mail goes to the log.",
  }),
  MAIL_FROM: text({ default: "Parley <shop@example.com>", desc: "The sender of the mails." }),
  SHOP_EMAIL: text({ default: "shop@example.com", desc: "Where the shop's own alerts go." }),
};

await runService("notification", settings, async ({ config, environment, fail }) => {
  const { DATABASE_URL: url, BROKER_URL: brokerUrl, SMTP_URL, MAIL_FROM, SHOP_EMAIL: shopEmail } = config;
  const channel =
    SMTP_URL === "" ? createLogChannel(environment) : createSmtpChannel({ url: SMTP_URL, from: MAIL_FROM });
  const database = await openDatabase(url, {
    migrations: notificationMigrations,
    clock: environment.clock,
    onFailed: fail,
  });
  return createNotificationModule({ environment, database, channel, shopEmail, brokerUrl });
});
