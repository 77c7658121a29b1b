import { systemEnvironment } from "@parley/rpc";
import { describeReplicas } from "@parley/store/testing";
import { expect, test } from "vitest";
import type { Channel } from "./channel/channel.ts";
import { NotificationKind, NotificationState, newNotification, settle } from "./notification.ts";
import { notificationMigrations } from "./notification-module.ts";
import { insertNotifications, readNotifications, updateNotifications } from "./notification-store.ts";
import { Sender } from "./sending/sender.ts";

const mail = (id: string) =>
  newNotification({
    id,
    kind: NotificationKind.TEST,
    recipient: "alice@example.com",
    subject: "",
    body: "",
    createTimeMs: Date.now(),
  });

describeReplicas("replicas of the notification service", (openReplicas) => {
  test("hand each notification to the channel once", async () => {
    await using replicas = await openReplicas(notificationMigrations, 3);
    const [database] = replicas.databases as [(typeof replicas.databases)[0]];
    const ids = Array.from({ length: 250 }, (_, number) => `n${number}`);
    await database?.transaction((transaction) =>
      insertNotifications(
        transaction,
        ids.map((id) => ({ notification: mail(id), firstAttemptTimeMs: Date.now() })),
      ),
    );
    const sent: string[] = [];
    const channel: Channel = {
      concurrencyMax: 5,
      async send({ key }) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        sent.push(key);
      },
      close: async () => {},
    };
    const environment = systemEnvironment({ name: "notification", logLevel: "silent" });
    const senders = replicas.databases.map((one) => new Sender({ database: one, channel, environment }));
    for (const sender of senders) sender.start();
    const pending = () => database?.all("SELECT id FROM notification WHERE state <> 2");
    await expect.poll(pending, { timeout: 20_000 }).toEqual([]);
    await Promise.all(senders.map((sender) => sender.stop()));
    expect(sent.sort()).toEqual(ids.sort());
  });

  test("do not overwrite a notification that another replica settled", async () => {
    await using replicas = await openReplicas(notificationMigrations, 2);
    const [one, other] = replicas.databases as [(typeof replicas.databases)[0], (typeof replicas.databases)[0]];
    const notification = mail("a");
    await one?.transaction((transaction) =>
      insertNotifications(transaction, [{ notification, firstAttemptTimeMs: 0 }]),
    );
    const sent = settle(notification, { kind: "sent", timeMs: 5 });
    const failed = settle(notification, { kind: "failed", final: true, cause: "late", timeMs: 6 });
    await one?.transaction((transaction) => updateNotifications(transaction, [sent], { nextAttemptTimeMs: 0 }));
    await other?.transaction((transaction) => updateNotifications(transaction, [failed], { nextAttemptTimeMs: 0 }));
    expect(await one?.all("SELECT state, cause FROM notification")).toEqual([
      { state: NotificationState.SENT, cause: "" },
    ]);
  });

  test("insert notifications in the order in which watchers see them", async () => {
    await using replicas = await openReplicas(notificationMigrations, 3);
    const seen: number[] = [];
    let writing = true;
    const watching = (async () => {
      while (writing || seen.length < 150) {
        const afterSequence = seen.at(-1) ?? 0;
        const batch = await readNotifications(replicas.databases[0] as never, {
          filter: {},
          afterSequence,
          limit: 100,
        });
        seen.push(...batch.map(({ sequence }) => sequence));
      }
    })();
    await Promise.all(
      replicas.databases.flatMap((database, replica) =>
        Array.from({ length: 50 }, (_, number) =>
          database.transaction((transaction) =>
            insertNotifications(transaction, [{ notification: mail(`${replica}-${number}`), firstAttemptTimeMs: 0 }]),
          ),
        ),
      ),
    );
    writing = false;
    await watching;
    expect(seen).toHaveLength(150);
  });
});
