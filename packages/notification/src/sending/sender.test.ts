import { systemEnvironment } from "@parley/rpc";
import { createTestClock, type TestClock } from "@parley/rpc/testing";
import { type Database, StoreUnavailableError } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSmtpChannel, type SmtpOptions } from "../channel/smtp-channel.ts";
import { createFailedNotifications } from "../failed-notifications.ts";
import { type Notification, NotificationKind, NotificationState, newNotification } from "../notification.ts";
import { notificationMigrations } from "../notification-module.ts";
import { insertNotifications } from "../notification-store.ts";
import { messageIdOf, type ScriptedMailServer, startScriptedMailServer } from "../testing/scripted-mail-server.ts";
import { Sender } from "./sender.ts";

const hourMs = 60 * 60_000;

let server: ScriptedMailServer;
let database: Database;
let clock: TestClock;
let setBackMs: number;
let sender: Sender;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  stops = [];
  setBackMs = 0;
  clock = createTestClock();
  server = await startScriptedMailServer();
  database = await openTestDatabase({ migrations: notificationMigrations, clock });
});

afterEach(async () => {
  for (const stop of stops.reverse()) {
    await stop();
  }
  await server.goAway().catch(() => {});
  await database.close();
});

function startSender(options: Partial<SmtpOptions> = {}): Sender {
  const url = `smtp://127.0.0.1:${server.port}`;
  const channel = createSmtpChannel({ url, from: "shop@example.com", ...options });
  const environment = {
    ...systemEnvironment({ name: "notification", logLevel: "silent" }),
    clock: { ...clock, now: () => clock.now() - setBackMs },
  };
  const started = new Sender({ database, channel, environment });
  started.start();
  stops.push(async () => {
    await stopSender(started);
    await channel.close();
  });
  sender = started;
  return started;
}

async function stopSender(stopped: Sender): Promise<void> {
  let done = false;
  const stopping = stopped.stop().then(() => {
    done = true;
  });
  while (!done) {
    await pass(1_000);
  }
  await stopping;
}

async function write(...ids: readonly string[]): Promise<readonly Notification[]> {
  const notifications = ids.map((id) =>
    newNotification({
      id,
      kind: NotificationKind.TEST,
      recipient: `${id}@example.com`,
      subject: id,
      body: "",
      createTimeMs: clock.now() - setBackMs,
    }),
  );
  await database.transaction(async (transaction) => {
    const firstMs = await sender.firstAttemptTimeMs(transaction, notifications);
    const written = notifications.map((notification) => ({
      notification,
      firstAttemptTimeMs: firstMs ?? notification.createTimeMs,
    }));
    await insertNotifications(transaction, written);
  });
  sender.handOver(notifications);
  return notifications;
}

/** Advances simulated time; the mail server is real, and gets event-loop ticks for its work. */
async function pass(durationMs: number, stepMs = durationMs): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += stepMs) {
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Advances time, in steps, until a condition holds. */
async function passUntil(condition: () => boolean | Promise<boolean>, stepMs = 100, stepsMax = 60_000): Promise<void> {
  for (let step = 0; step < stepsMax; step++) {
    if (await condition()) {
      return;
    }
    await pass(stepMs);
  }
  throw new Error("the condition was not met");
}

const rows = () =>
  database.all<{ id: string; state: number; attempts: number; cause: string }>(
    "SELECT id, state, attempts, cause FROM notification ORDER BY sequence",
  );
const allSent = async () => (await rows()).every(({ state }) => state === NotificationState.SENT);
const idsOfMails = () => server.messages.map(messageIdOf).sort();
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, number) => `${prefix}${number}`);

test("a slow mail server gets each mail once, one for each connection at a time", async () => {
  const held = Promise.withResolvers<void>();
  server.script = (stage) => (stage === "message" ? held.promise : undefined);
  startSender({ connectionsMax: 3 });
  const ids = names("m", 7);
  await write(...ids);
  await vi.waitFor(() => expect(server.concurrencySeen).toBe(3));
  // However long it takes, an attempt is not aborted while the server may still accept the mail.
  await pass(2 * hourMs, 60_000);
  expect(server.connectionCount).toBe(3);
  held.resolve();
  await passUntil(allSent);
  expect(idsOfMails()).toEqual(ids);
  expect(server.concurrencySeen).toBe(3);
  expect((await rows()).map(({ attempts }) => attempts)).toEqual(ids.map(() => 1));
});

test("an outage of the mail server of an hour loses no mail, and no attempt counts", async () => {
  startSender();
  await server.goAway();
  const ids = names("m", 150);
  await write(...ids.slice(0, 100));
  await pass(hourMs / 2, 10_000);
  await write(...ids.slice(100));
  await pass(hourMs / 2, 10_000);
  expect(await rows()).toEqual(ids.map((id) => ({ id, state: NotificationState.PENDING, attempts: 0, cause: "" })));
  await server.comeBack();
  await passUntil(allSent);
  expect(idsOfMails()).toEqual([...ids].sort());
});

test.each([
  ["a wrong password", "AUTH", "535 5.7.8 authentication failed"],
  ["a greeting with 554", "greeting", "554 5.3.2 no service here"],
  ["a sender that is refused", "MAIL", "550 5.7.1 relaying denied"],
] as const)("%s fails no notification, and tries the server less and less often", async (_, at, reply) => {
  server.script = (stage) => (stage === at ? reply : undefined);
  startSender({ url: `smtp://shop:secret@127.0.0.1:${server.port}` });
  await write("a", "b", "c");
  await pass(6 * hourMs, 10_000);
  expect((await rows()).map(({ state, attempts }) => [state, attempts])).toEqual(
    [1, 2, 3].map(() => [NotificationState.PENDING, 0]),
  );
  // About once a minute, after a few attempts at the beginning.
  const tries = server.connectionCount;
  expect(tries).toBeGreaterThan(at === "MAIL" ? 0 : 10);
  expect(tries).toBeLessThan(600);
  server.script = () => undefined;
  await passUntil(allSent);
  expect(idsOfMails()).toEqual(["a", "b", "c"]);
});

test("a message that the server refuses does not delay others", async () => {
  server.script = (stage, line) => (stage === "message" && line.includes("poison@") ? "close" : undefined);
  startSender();
  await write("poison", "a", "b", "c");
  await passUntil(async () => (await rows()).filter(({ state }) => state === NotificationState.SENT).length === 3);
  expect((await rows())[0]).toMatchObject({ id: "poison", state: NotificationState.PENDING });
});

test("a mail whose outcome cannot be committed is not sent again", async () => {
  startSender();
  await write("a", "b");
  const fullDisk = () => Promise.reject(new StoreUnavailableError("disk-full", "the disk is full"));
  const transaction = vi.spyOn(database, "transaction").mockImplementation(fullDisk);
  await passUntil(() => server.messages.length === 2);
  await pass(3 * 60_000, 500);
  expect(transaction.mock.calls.length).toBeGreaterThan(3);
  transaction.mockRestore();
  await passUntil(allSent);
  expect(idsOfMails()).toEqual(["a", "b"]);
});

test("stopping ends a slow attempt, which is repeated after the restart", async () => {
  const held = Promise.withResolvers<void>();
  server.script = (stage) => (stage === "DATA" ? held.promise : undefined);
  startSender();
  await write("a");
  await vi.waitFor(() => expect(server.connectionCount).toBe(1));
  const before = clock.monotonic();
  await stopSender(sender);
  expect(clock.monotonic() - before).toBeLessThan(hourMs / 2);
  expect(await rows()).toMatchObject([{ state: NotificationState.PENDING, attempts: 0 }]);
  server.script = () => undefined;
  held.resolve();
  startSender();
  await passUntil(allSent);
  expect(idsOfMails()).toEqual(["a"]);
});

test.each([
  ["while the process runs", false],
  ["while it is down", true],
])("a clock set back by an hour %s does not delay mail by an hour", async (_, restarts) => {
  let failures = 3;
  server.script = (stage) => (stage === "RCPT" && failures-- > 0 ? "450 4.2.1 greylisted" : undefined);
  startSender();
  await write("a");
  await passUntil(async () => (await rows())[0]?.attempts === 2);
  if (restarts) {
    await stopSender(sender);
  }
  setBackMs = hourMs;
  if (restarts) {
    startSender();
  }
  const before = clock.monotonic();
  await passUntil(allSent);
  // One wait of about four seconds remains. The simulated time of the mail server's replies depends on the machine.
  expect(clock.monotonic() - before).toBeLessThan(hourMs / 2);
  expect(idsOfMails()).toEqual(["a"]);
});

test("failed notifications are listed with their cause and redriven, all or some of them", async () => {
  server.script = (stage, line) =>
    stage === "RCPT" && line.includes("bad") ? "550 5.1.1 no such\0mailbox" : undefined;
  startSender();
  await write("bad0", "good", "bad1", "bad2");
  await passUntil(async () => (await rows()).every(({ state }) => state !== NotificationState.PENDING));
  const failed = createFailedNotifications({ database, clock, onDue: sender.look });
  const first = await failed.list({ pageSize: 2, pageToken: "" });
  const second = await failed.list({ pageSize: 2, pageToken: first.nextPageToken });
  const listed = [...first.notifications, ...second.notifications];
  expect(listed.map(({ id, attempts, failTimeMs }) => [id, attempts, typeof failTimeMs])).toEqual(
    ["bad0", "bad1", "bad2"].map((id) => [id, 1, "number"]),
  );
  // A reply may hold any character. PostgreSQL cannot store NUL.
  expect(listed[0]?.cause).toContain("550 5.1.1 no such\u2400mailbox");
  expect(second.nextPageToken).toBe("");

  // One is still refused: it fails again. The others are sent, each once, and no other is touched.
  server.script = (stage, line) => (stage === "RCPT" && line.includes("bad1") ? "550 5.1.1 still none" : undefined);
  expect((await failed.redrive(["bad0", "good", "none"])).map(({ id, state }) => [id, state])).toEqual([
    ["bad0", NotificationState.PENDING],
  ]);
  await passUntil(async () => (await rows())[0]?.state === NotificationState.SENT);
  expect((await failed.redrive([])).map(({ id }) => id)).toEqual(["bad1", "bad2"]);
  await passUntil(async () => (await rows()).every(({ state }) => state !== NotificationState.PENDING));
  expect(idsOfMails()).toEqual(["bad0", "bad2", "good"]);
  const left = await failed.list({ pageSize: 10, pageToken: "" });
  expect(left.notifications.map(({ id, attempts, cause }) => [id, attempts, cause])).toEqual([
    ["bad1", 1, expect.stringContaining("still none")],
  ]);
});
