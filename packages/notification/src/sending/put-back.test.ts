import { systemEnvironment } from "@parley/rpc";
import { createTestClock } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { expect, test } from "vitest";
import { type Channel, ChannelUnavailableError } from "../channel/channel.ts";
import { NotificationKind, newNotification } from "../notification.ts";
import { notificationMigrations } from "../notification-module.ts";
import { insertNotifications } from "../notification-store.ts";
import { Sender } from "./sender.ts";

test("a notification is retried if the channel goes down while a replica reads due notifications", async () => {
  const clock = createTestClock();
  const own = await openTestDatabase({ migrations: notificationMigrations, clock });
  let reading = Promise.resolve();
  let isReading = false;
  // A shared database whose responses can be delayed.
  const database: Database = {
    isShared: true,
    all: own.all.bind(own),
    get: own.get.bind(own),
    close: () => own.close(),
    async transaction(work) {
      const answer = await own.transaction(work);
      isReading = true;
      await reading;
      return answer;
    },
  };
  const sending = Promise.withResolvers<void>();
  const sent: string[] = [];
  let attempts = 0;
  const channel: Channel = {
    concurrencyMax: 2,
    async send({ key }) {
      attempts++;
      if (attempts === 1) await sending.promise;
      sent.push(key);
    },
    close: async () => {},
  };
  const createTimeMs = clock.now();
  const notification = newNotification({
    ...{ id: "n1", kind: NotificationKind.TEST, recipient: "alice@example.com", subject: "", body: "", createTimeMs },
  });
  await own.transaction((transaction) =>
    insertNotifications(transaction, [{ notification, firstAttemptTimeMs: createTimeMs }]),
  );
  const environment = { ...systemEnvironment({ name: "notification", logLevel: "silent" }), clock };
  const sender = new Sender({ database, channel, environment });
  sender.start();
  await expect.poll(() => attempts).toBe(1);

  const answered = Promise.withResolvers<void>();
  reading = answered.promise;
  isReading = false;
  sender.look();
  await expect.poll(() => clock.settle().then(() => isReading)).toBe(true);
  sending.reject(new ChannelUnavailableError("the mail server is unreachable"));
  await clock.settle();
  answered.resolve();
  await expect.poll(() => clock.advance(1_000).then(() => sent)).toEqual(["n1"]);
  await sender.stop();
  await own.close();
});
