import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { eventTypes } from "@parley/events";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { NotificationKind, NotificationState } from "@parley/gen/notification/v1/notification_pb.js";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import type { ServiceModule } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { type Database, StoreUnavailableError } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Channel, type OutgoingMessage, RecipientRefusedError } from "./channel/channel.ts";
import { createNotificationModule, notificationMigrations } from "./notification-module.ts";

let module: ServiceModule;
let database: Database;
let notifications: Client<typeof NotificationService>;
let events: Client<typeof EventService>;
let sent: OutgoingMessage[];
let refuse: (message: OutgoingMessage) => Error | undefined;

function take(message: OutgoingMessage) {
  const refusal = refuse(message);
  if (refusal !== undefined) {
    throw refusal;
  }
  sent.push(message);
}

const asyncChannel: Channel = { concurrencyMax: 1, send: async (message) => take(message), close: async () => {} };
const syncChannel: Channel = { ...asyncChannel, sendAtOnce: take };

beforeEach(() => start(asyncChannel));

async function start(channel: Channel) {
  sent = [];
  refuse = () => undefined;
  const environment = systemEnvironment({ name: "notification", logLevel: "silent" });
  database = await openTestDatabase({ migrations: notificationMigrations });
  module = createNotificationModule({ environment, database, channel, shopEmail: "shop@example.com" });
  await module.start?.();
  const transport = connectInMemory(module, environment);
  notifications = createServiceClient(NotificationService, transport, { environment });
  events = createServiceClient(EventService, transport, { environment });
}

afterEach(() => module.stop?.());

let eventCount = 0;

function event(
  payload: Extract<MessageInitShape<typeof EventSchema>["payload"], { case: keyof typeof eventTypes }>,
): Event {
  eventCount++;
  return create(EventSchema, {
    id: `event-${eventCount}`,
    source: "/services/test",
    type: eventTypes[payload.case],
    partitionKey: `key-${eventCount}`,
    payload,
  });
}

function confirmed(orderId: string, userId = "1"): Event {
  const value = { orderId, userId, userName: "Alice Johnson", userEmail: "alice@example.com" };
  return event({ case: "orderConfirmed", value });
}

const stockLow = () =>
  event({
    case: "stockLow",
    value: { productId: "105", productName: "Headphones", stock: 10, lowStockThreshold: 10 },
  });

async function list(request: MessageInitShape<typeof NotificationService.method.listNotifications.input> = {}) {
  return (await notifications.listNotifications(request)).notifications;
}

describe("an event", () => {
  test("becomes a notification to the buyer, sent under the notification's own id", async () => {
    expect((await events.deliver({ events: [confirmed("o1")] })).failures).toEqual([]);
    await vi.waitFor(async () => expect((await list())[0]?.state).toBe(NotificationState.SENT));
    const [notification] = await list();
    expect(notification).toMatchObject({
      kind: NotificationKind.ORDER_CONFIRMED,
      userId: "1",
      orderId: "o1",
      recipient: "alice@example.com",
    });
    expect(sent.map(({ key }) => key)).toEqual([notification?.id]);
  });

  test("of a guest's order becomes a notification to the guest's address, or none without one", async () => {
    const order = { items: [], userId: "", userName: "" };
    const guests = ["guest@example.com", ""].flatMap((userEmail) => [
      event({ case: "orderConfirmed", value: { ...order, orderId: `c ${userEmail}`, userEmail } }),
      event({ case: "orderCancelled", value: { ...order, orderId: `x ${userEmail}`, userEmail } }),
    ]);
    expect((await events.deliver({ events: guests })).failures).toEqual([]);
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    const notified = (await list()).map(({ recipient, orderId, userId }) => [recipient, orderId, userId]);
    expect(notified.sort()).toEqual([
      ["guest@example.com", "c guest@example.com", ""],
      ["guest@example.com", "x guest@example.com", ""],
    ]);
    expect((await notifications.listDeadLetters({})).deadLetters).toEqual([]);
  });

  test("has its effect once, however often it is delivered", async () => {
    const twice = confirmed("o1");
    await events.deliver({ events: [twice, twice] });
    await events.deliver({ events: [twice] });
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    expect(await list()).toHaveLength(1);
  });

  test("that is repeated after the inbox pruned its mark has no second effect, and fails no other of its batch", async () => {
    const old = [confirmed("o1"), confirmed("o2")];
    await events.deliver({ events: old });
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    await database.transaction((transaction) => transaction.run("DELETE FROM inbox_events"));
    const fresh = [confirmed("o3"), stockLow()];
    for (let delivery = 0; delivery < 7; delivery++) {
      const answers = await Promise.all([
        events.deliver({ events: [...old, ...fresh] }),
        ...old.map((event) => events.deliver({ events: [event] })),
      ]);
      expect(answers.flatMap(({ failures }) => failures)).toEqual([]);
    }
    await vi.waitFor(() => expect(sent).toHaveLength(4));
    const orderIds = (await list()).map(({ orderId }) => orderId);
    expect(orderIds.slice(2)).toEqual(["o2", "o1"]);
    // Events of different keys are handled concurrently: their order is not guaranteed.
    expect(orderIds.slice(0, 2).sort()).toEqual(["", "o3"]);
    expect((await notifications.listDeadLetters({})).deadLetters).toEqual([]);
  });

  test("whose effect cannot be committed becomes a dead letter, and no other does", async () => {
    await database.transaction((transaction) =>
      transaction.run("CREATE UNIQUE INDEX one_of_each_order ON notification (order_id) WHERE order_id = 'twice'"),
    );
    await events.deliver({ events: [confirmed("twice")] });
    const bad = confirmed("twice");
    const good = Array.from({ length: 5 }, (_, index) => confirmed(`good-${index}`));
    for (let delivery = 0; delivery < 6; delivery++) {
      await Promise.all([
        events.deliver({ events: [good[0] as Event, bad, good[1] as Event] }),
        ...good.slice(2).map((event) => events.deliver({ events: [event] })),
      ]);
    }
    const { deadLetters } = await notifications.listDeadLetters({});
    expect(deadLetters.map(({ eventId }) => eventId)).toEqual([bad.id]);
    const orderIds = (await list()).map(({ orderId }) => orderId).sort();
    expect(orderIds).toEqual(["good-0", "good-1", "good-2", "good-3", "good-4", "twice"]);
  });

  test("of low stock goes to the shop", async () => {
    await events.deliver({ events: [stockLow()] });
    expect((await list())[0]).toMatchObject({
      kind: NotificationKind.STOCK_LOW,
      recipient: "shop@example.com",
      productId: "105",
      userId: "",
    });
  });

  test("without a recipient is accepted", async () => {
    const changed = event({ case: "stockChanged", value: { productId: "101", stock: 1, delta: -1 } });
    expect((await events.deliver({ events: [changed] })).failures).toEqual([]);
    expect(await list()).toEqual([]);
  });
});

describe("listing", () => {
  test("is newest first, by page, and filters", async () => {
    await events.deliver({ events: [confirmed("o1"), confirmed("o2", "2"), confirmed("o3"), stockLow()] });
    const first = await notifications.listNotifications({ pageSize: 3 });
    const second = await notifications.listNotifications({ pageSize: 3, pageToken: first.nextPageToken });
    expect([...first.notifications, ...second.notifications].map(({ orderId }) => orderId)).toEqual([
      "",
      "o3",
      "o2",
      "o1",
    ]);
    expect(second.nextPageToken).toBe("");
    expect((await list({ userId: "2" })).map(({ orderId }) => orderId)).toEqual(["o2"]);
    expect((await list({ orderId: "o3" })).map(({ orderId }) => orderId)).toEqual(["o3"]);
    expect(await list({ kind: NotificationKind.STOCK_LOW })).toHaveLength(1);
  });

  test("refuses a token of another list, naming the field", async () => {
    await events.deliver({ events: [confirmed("o1"), confirmed("o2")] });
    const { nextPageToken } = await notifications.listNotifications({ pageSize: 1 });
    const error = await list({ userId: "2", pageToken: nextPageToken }).catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.InvalidArgument });
  });
});

async function retries() {
  let failures = 0;
  refuse = () => (failures++ === 0 ? new Error("greylisted") : undefined);
  await events.deliver({ events: [confirmed("o1")] });
  await vi.waitFor(async () => expect((await list())[0]?.state).toBe(NotificationState.SENT), { timeout: 5_000 });
  expect(sent).toHaveLength(1);
}

describe("sending", () => {
  test("fails a notification whose recipient the channel refuses permanently", async () => {
    refuse = () => new RecipientRefusedError("no such mailbox");
    await events.deliver({ events: [confirmed("o1")] });
    await vi.waitFor(async () => expect((await list())[0]?.state).toBe(NotificationState.FAILED));
  });

  test("retries after a temporary failure", retries);

  test("sends to other recipients while one fails", async () => {
    refuse = ({ subject }) => (subject.includes("o1") ? new Error("never") : undefined);
    await events.deliver({ events: [confirmed("o1"), confirmed("o2")] });
    await vi.waitFor(() => expect(sent.map(({ subject }) => subject)).toEqual(["Your order o2 is confirmed"]));
  });

  test("commits many outcomes together, each as its own", async () => {
    refuse = ({ subject }) => (subject.includes("o7 ") ? new RecipientRefusedError("no such mailbox") : undefined);
    const transaction = vi.spyOn(database, "transaction");
    await events.deliver({ events: Array.from({ length: 60 }, (_, index) => confirmed(`o${index}`)) });
    await vi.waitFor(async () => expect(await list({ pageSize: 100 })).toHaveLength(60));
    const states = async () => (await list({ pageSize: 100 })).map(({ orderId, state }) => `${orderId} ${state}`);
    const expected = Array.from({ length: 60 }, (_, index) =>
      index === 7 ? `o7 ${NotificationState.FAILED}` : `o${index} ${NotificationState.SENT}`,
    );
    await vi.waitFor(async () => expect((await states()).sort()).toEqual(expected.sort()));
    expect(transaction.mock.calls.length).toBeLessThan(15);
  });

  test("a test notification returns its outcome", async () => {
    const { notification } = await notifications.sendTestNotification({ recipient: "bob@example.com" });
    expect(notification).toMatchObject({ state: NotificationState.SENT, kind: NotificationKind.TEST });
    refuse = () => new RecipientRefusedError("no such mailbox");
    const failed = await notifications.sendTestNotification({ recipient: "nobody@example.com" });
    expect(failed.notification?.state).toBe(NotificationState.FAILED);
  });

  test("a test notification over a slow channel is returned as pending, and sent once", async () => {
    const held = Promise.withResolvers<void>();
    await module.stop?.();
    await start({ ...asyncChannel, send: async (message) => held.promise.then(() => take(message)) });
    const { notification } = await notifications.sendTestNotification({ recipient: "bob@example.com" });
    expect(notification?.state).toBe(NotificationState.PENDING);
    held.resolve();
    await vi.waitFor(async () => expect((await list())[0]?.state).toBe(NotificationState.SENT));
    expect(sent).toHaveLength(1);
  });

  test("a failed notification is listed with its cause, and sent when it is redriven", async () => {
    refuse = () => new RecipientRefusedError("no such mailbox");
    await events.deliver({ events: [confirmed("o1"), confirmed("o2")] });
    await vi.waitFor(async () =>
      expect((await notifications.listFailedNotifications({})).failedNotifications).toHaveLength(2),
    );
    const { failedNotifications, nextPageToken } = await notifications.listFailedNotifications({ pageSize: 1 });
    expect(failedNotifications).toMatchObject([
      { notification: { orderId: "o1", state: NotificationState.FAILED }, cause: "no such mailbox", attempts: 1 },
    ]);
    expect(failedNotifications[0]?.failTime).toBeDefined();
    const next = await notifications.listFailedNotifications({ pageToken: nextPageToken });
    expect(next.failedNotifications.map(({ notification }) => notification?.orderId)).toEqual(["o2"]);
    const wrong = await notifications.listFailedNotifications({ pageToken: "wrong" }).catch(ConnectError.from);
    expect(wrong).toMatchObject({ code: Code.InvalidArgument });

    refuse = () => undefined;
    const notificationIds = [failedNotifications[0]?.notification?.id ?? ""];
    const redriven = await notifications.redriveFailedNotifications({ notificationIds });
    expect(redriven.failedNotifications.map(({ notification }) => notification?.orderId)).toEqual(["o1"]);
    await vi.waitFor(() => expect(sent.map(({ key }) => key)).toEqual(notificationIds));
    await notifications.redriveFailedNotifications({});
    await vi.waitFor(async () => {
      expect((await list()).map(({ state }) => state)).toEqual([NotificationState.SENT, NotificationState.SENT]);
    });
    expect((await notifications.redriveFailedNotifications({})).failedNotifications).toEqual([]);
  });

  test("a test notification needs an address", async () => {
    const error = await notifications.sendTestNotification({ recipient: "nobody" }).catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.InvalidArgument, message: expect.stringContaining("recipient") });
  });
});

describe("over a channel that sends synchronously", () => {
  beforeEach(async () => {
    await module.stop?.();
    await start(syncChannel);
  });

  test("a notification is inserted as sent, with the id of its event", async () => {
    const transaction = vi.spyOn(database, "transaction");
    const event = confirmed("o1");
    await events.deliver({ events: [event, stockLow()] });
    expect((await list()).map(({ state }) => state)).toEqual([NotificationState.SENT, NotificationState.SENT]);
    expect(sent.map(({ key }) => key)).toContain(event.id);
    expect(transaction).toHaveBeenCalledTimes(1);
  });

  test("a notification of a lost transaction is inserted later, and sent once", async () => {
    const fillDisk = () => Promise.reject(new StoreUnavailableError("disk-full", "the disk is full"));
    const event = confirmed("o1");
    vi.spyOn(database, "transaction").mockImplementationOnce((work) =>
      database.transaction(async (transaction) => {
        const answer = await work(transaction);
        transaction.beforeCommit(fillDisk, undefined);
        return answer;
      }),
    );
    const { failures } = await events.deliver({ events: [event] });
    expect(failures.map(({ eventId }) => eventId)).toEqual([event.id]);
    expect(await list()).toEqual([]);
    await events.deliver({ events: [event] });
    expect((await list()).map(({ id }) => id)).toEqual([event.id]);
    expect(sent.map(({ key }) => key)).toEqual([event.id]);
  });

  test("a refused message is retried", retries);
});

describe("watching", () => {
  async function take(count: number, request: { userId?: string; afterPosition?: string } = {}) {
    const seen: { orderId: string; position: string }[] = [];
    const stop = new AbortController();
    try {
      for await (const { notification, position } of notifications.watchNotifications(request, {
        signal: stop.signal,
      })) {
        seen.push({ orderId: notification?.orderId ?? "", position });
        if (seen.length === count) {
          stop.abort();
        }
      }
    } catch (error) {
      if (!stop.signal.aborted) {
        throw error;
      }
    }
    return seen;
  }

  test("resumes after the last received position without a gap or a repeat", async () => {
    await events.deliver({ events: [confirmed("o1"), confirmed("o2"), confirmed("o3")] });
    const [first] = await take(1, { afterPosition: "n0" });
    expect(first?.orderId).toBe("o1");
    const rest = take(3, { afterPosition: first?.position ?? "" });
    await events.deliver({ events: [confirmed("o4")] });
    expect((await rest).map(({ orderId }) => orderId)).toEqual(["o2", "o3", "o4"]);
  });

  test("streams only the user's notifications", async () => {
    await events.deliver({ events: [confirmed("o1"), confirmed("o2", "2")] });
    expect((await take(1, { userId: "2", afterPosition: "n0" })).map(({ orderId }) => orderId)).toEqual(["o2"]);
  });

  test.each(["x", "n-1", "n99"])("refuses the position %s", async (afterPosition) => {
    await expect(take(1, { afterPosition })).rejects.toMatchObject({ code: Code.InvalidArgument });
  });
});
