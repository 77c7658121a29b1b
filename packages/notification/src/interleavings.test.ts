import { createInbox } from "@parley/events";
import { eventMessage, orderConfirmed } from "@parley/events/testing";
import { systemEnvironment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { describeInterleavings, type Operation } from "@parley/store/testing";
import { expect } from "vitest";
import { createEventEffects } from "./event-effects.ts";
import { createFailedNotifications } from "./failed-notifications.ts";
import { notificationMigrations } from "./index.ts";
import { NotificationKind, newNotification, type SendOutcome, settle } from "./notification.ts";
import { insertNotifications, makeDueSooner, updateNotifications } from "./notification-store.ts";
import { Claims } from "./sending/claims.ts";

const environment = systemEnvironment({ name: "notification", logLevel: "silent" });
const mail = (id: string) =>
  newNotification({
    ...{ id, kind: NotificationKind.TEST, recipient: "alice@example.com", subject: "", body: "" },
    createTimeMs: 1,
  });

function replica(database: Database) {
  const { clock } = environment;
  const effects = createEventEffects({
    clock,
    shopEmail: "shop@example.com",
    sendAtOnce: (notification) => notification,
    onWritten: () => {},
  });
  // The payloads of the test events have no address.
  const handlers = {
    orderConfirmed: (payload, delivery) =>
      effects.orderConfirmed?.({ ...payload, userEmail: "a@example.com" }, delivery),
  } as typeof effects;
  return {
    database,
    claims: new Claims({ database, clock }),
    inbox: createInbox({ database, environment: systemEnvironment({ name: "n", logLevel: "silent" }), handlers }),
    failed: createFailedNotifications({ database, clock, onDue: () => {} }),
  };
}

type Replica = ReturnType<typeof replica>;

const event = (id: string) => eventMessage(orderConfirmed(id), { id, source: "/services/order", timeMs: 1 });
const settling = (outcome: SendOutcome) => ({
  run: ({ database }: Replica) =>
    database.transaction((transaction) =>
      updateNotifications(transaction, [settle(mail("due-1"), outcome)], { nextAttemptTimeMs: 9 }),
    ),
});
/** due-1 and due-2 are due, failed-1 has failed. */
const operations: readonly Operation<Replica>[] = [
  { name: "deliver two events", ...delivering("e1", "e2") },
  { name: "deliver one of them again", ...delivering("e2") },
  { name: "deliver them in the other order", ...delivering("e2", "e1") },
  {
    name: "insert a notification",
    run: ({ database }) =>
      database.transaction((transaction) =>
        insertNotifications(transaction, [{ notification: mail("new"), firstAttemptTimeMs: 1 }]),
      ),
  },
  {
    name: "claim due notifications",
    notSerial: "two replicas may each claim a part, or one may claim all",
    run: async ({ claims }) => ({ claimed: (await claims.claimDue(10)).notifications.map(({ id }) => id) }),
  },
  { name: "record that one is sent", ...settling({ kind: "sent", timeMs: 5 }) },
  { name: "record that one failed", ...settling({ kind: "failed", final: true, cause: "no such mailbox", timeMs: 6 }) },
  { name: "redrive", run: async ({ failed }) => (await failed.redrive(["failed-1"])).length },
  {
    name: "make all due sooner after the clock was set back",
    run: ({ database }) => database.transaction((transaction) => makeDueSooner(transaction, { afterMs: 0, byMs: 1 })),
  },
];

function delivering(...ids: readonly string[]) {
  return { run: async ({ inbox }: Replica) => await inbox.deliver(ids.map(event)) };
}

async function reset(database: Database): Promise<void> {
  await database.transaction(async (transaction) => {
    for (const table of ["notification", "inbox_events", "inbox_failures", "dead_letters"]) {
      await transaction.run(`DELETE FROM ${table}`);
    }
    const all = ["due-1", "due-2", "failed-1"].map((id) => ({ notification: mail(id), firstAttemptTimeMs: 3 }));
    await insertNotifications(transaction, all);
    await transaction.run("UPDATE notification SET state = 3, fail_time = 2 WHERE id = 'failed-1'");
  });
}

async function observe(database: Database) {
  // Claims end in a minute; all other times here are in 1970.
  const due = "CASE WHEN next_attempt_time > 1000 THEN 'later' ELSE CAST(next_attempt_time AS TEXT) END";
  const notifications = await database.all(
    `SELECT id, state, attempts, cause, ${due} AS due FROM notification ORDER BY id`,
  );
  const inbox = await database.all("SELECT event_id FROM inbox_events ORDER BY event_id");
  const failures = await database.all("SELECT event_id FROM inbox_failures");
  const deadLetters = await database.all("SELECT event_id FROM dead_letters");
  return { notifications, inbox, failures, deadLetters };
}

describeInterleavings<Replica>("the notification service's operations", {
  migrations: notificationMigrations,
  replica,
  reset,
  observe,
  invariant({ outcomes, state }) {
    const claimed = outcomes.flatMap((outcome) => (outcome as { claimed?: readonly string[] } | null)?.claimed ?? []);
    expect(new Set(claimed).size, `claimed: ${claimed}`).toBe(claimed.length);
    for (const outcome of outcomes) expect((outcome as { refused?: string } | null)?.refused).toBeUndefined();
    expect(state.failures.length + state.deadLetters.length).toBe(0);
  },
  watched: { notification: "in order" },
  operations,
});
