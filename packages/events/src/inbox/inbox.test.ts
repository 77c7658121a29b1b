import { create } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { createTestClock } from "@parley/rpc/testing";
import { InvalidPageTokenError } from "@parley/store";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openTestSink, orderConfirmed, stockLow, type TestSink, testEnvironment } from "../testing/test-parts.ts";
import { pruneInbox } from "./prune-inbox.ts";

const clock = createTestClock();
let sink: TestSink;

beforeEach(async () => {
  sink = await openTestSink(testEnvironment(clock), { maxAttempts: 3 });
});
afterEach(() => sink.database.close());

function event(id: string, orderId: string, number = 1): Event {
  return create(EventSchema, { ...orderConfirmed(orderId, number), id, source: "/services/order" });
}

const page = { pageSize: 10, pageToken: "" };

test("an event has its effect once, however often it is delivered, alone or in a batch", async () => {
  const first = event("e1", "o1");
  expect(await sink.inbox.deliver([first, event("e2", "o2")])).toEqual([]);
  expect(await sink.inbox.deliver([first])).toEqual([]);
  await Promise.all([sink.inbox.deliver([first, first]), sink.inbox.deliver([first])]);
  expect(await sink.effects()).toEqual(["o1 1", "o2 1"]);
});

test("the events of a batch share one transaction, unless one of them fails", async () => {
  const transaction = vi.spyOn(sink.database, "transaction");
  await sink.inbox.deliver([event("e1", "o1"), event("e2", "o2"), event("e3", "o1", 2)]);
  expect(transaction).toHaveBeenCalledTimes(1);
  expect(await sink.effects()).toEqual(["o1 1", "o2 1", "o1 2"]);
  sink.failing.add("bad");
  await sink.inbox.deliver([event("e4", "o3"), event("e5", "bad")]);
  expect(await sink.effects()).toEqual(["o1 1", "o2 1", "o1 2", "o3 1"]);
});

test("the same id from another source is another event", async () => {
  await sink.inbox.deliver([event("e1", "o1"), { ...event("e1", "o1"), source: "/services/other" }]);
  expect(await sink.effects()).toHaveLength(2);
});

test("an event without a handler or without a payload is accepted", async () => {
  const unknown = create(EventSchema, { id: "e1", source: "/services/product", type: "something.else.v9" });
  const unhandled = create(EventSchema, { ...stockLow("101"), id: "e2", source: "/services/product" });
  expect(await sink.inbox.deliver([unknown, unhandled])).toEqual([]);
});

test("a failed event has no effect, and delays its key only", async () => {
  sink.failing.add("bad");
  const failures = await sink.inbox.deliver([
    event("e1", "bad", 1),
    event("e2", "good"),
    event("e3", "bad", 2),
    event("e4", "fine"),
  ]);
  expect(failures).toEqual([
    { eventId: "e1", cause: "Error: cannot handle bad" },
    { eventId: "e3", cause: "waits for event e1 of its key" },
  ]);
  expect([...(await sink.effects())].sort()).toEqual(["fine 1", "good 1"]);
  sink.failing.clear();
  expect(await sink.inbox.deliver([event("e1", "bad", 1), event("e3", "bad", 2)])).toEqual([]);
  expect((await sink.effects()).filter((text) => text.startsWith("bad"))).toEqual(["bad 1", "bad 2"]);
});

async function failToDeath(...events: readonly Event[]) {
  for (const { subject } of events) {
    sink.failing.add(subject);
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    await sink.inbox.deliver(events);
  }
}

test("an event that failed maxAttempts times becomes a dead letter, and its key continues", async () => {
  await failToDeath(event("e1", "bad", 1));
  sink.failing.clear();
  expect(await sink.inbox.deliver([event("e1", "bad", 1), event("e2", "bad", 2)])).toEqual([]);
  expect(await sink.effects()).toEqual(["bad 2"]);
  expect(await sink.inbox.listDeadLetters(page)).toEqual({
    deadLetters: [
      {
        eventId: "e1",
        source: "/services/order",
        eventType: "parley.order.confirmed.v1",
        subject: "bad",
        cause: "Error: cannot handle bad",
        attempts: 3,
        createTimeMs: clock.now(),
      },
    ],
    nextPageToken: "",
  });
});

test("an event with NUL in its texts fails alone, and becomes a dead letter that can be redriven by its id", async () => {
  // PostgreSQL refuses NUL in every text, also in the record of a failure. SQLite stores it: here the handler fails instead.
  const bad = { ...event("e\0", "bad\0"), type: "order\0confirmed" };
  sink.failing.add(bad.subject);
  const batch = (attempt: number) => [event(`before-${attempt}`, "o1"), bad, event(`after-${attempt}`, "o2")];
  expect(await sink.inbox.deliver(batch(1))).toMatchObject([{ eventId: "e\0" }]);
  expect([...(await sink.effects())].sort()).toEqual(["o1 1", "o2 1"]);
  expect(await sink.inbox.deliver(batch(2))).toMatchObject([{ eventId: "e\0" }]);
  expect(await sink.inbox.deliver(batch(3))).toEqual([]);
  expect(await sink.inbox.deliver(batch(4))).toEqual([]);
  expect((await sink.inbox.listDeadLetters(page)).deadLetters).toMatchObject([
    { eventId: "e\u2400", subject: "bad\u2400", eventType: "order\u2400confirmed", attempts: 3 },
  ]);
  expect(await sink.effects()).toHaveLength(8);
  expect((await sink.inbox.redriveDeadLetters(["e\u2400"])).deadLetters).toMatchObject([{ attempts: 4 }]);
});

test("redriving a repaired event delivers it once", async () => {
  await failToDeath(event("e1", "bad"), event("e2", "worse"));
  sink.failing.delete("bad");
  const result = await sink.inbox.redriveDeadLetters(["e1"]);
  expect(result).toEqual({ deliveredEventIds: ["e1"], deadLetters: [] });
  expect(await sink.inbox.redriveDeadLetters(["e1"])).toEqual({ deliveredEventIds: [], deadLetters: [] });
  await sink.inbox.deliver([event("e1", "bad")]);
  expect(await sink.effects()).toEqual(["bad 1"]);
});

test("two concurrent redrives have one effect", async () => {
  await failToDeath(event("e1", "bad"));
  sink.failing.clear();
  await Promise.all([sink.inbox.redriveDeadLetters([]), sink.inbox.redriveDeadLetters(["e1"])]);
  expect(await sink.effects()).toEqual(["bad 1"]);
});

test("an event that fails again stays a dead letter, with its last cause", async () => {
  await failToDeath(event("e1", "bad"));
  const { deadLetters } = await sink.inbox.redriveDeadLetters([]);
  expect(deadLetters).toMatchObject([{ eventId: "e1", attempts: 4 }]);
  expect((await sink.inbox.listDeadLetters(page)).deadLetters).toMatchObject([{ eventId: "e1", attempts: 4 }]);
  expect(await sink.effects()).toEqual([]);
});

test("dead letters are listed in pages, oldest first", async () => {
  for (let index = 0; index < 25; index++) {
    await failToDeath(event(`e${index}`, `o${index}`));
  }
  const ids: string[] = [];
  let pageToken = "";
  do {
    const found = await sink.inbox.listDeadLetters({ pageSize: 10, pageToken });
    ids.push(...found.deadLetters.map(({ eventId }) => eventId));
    pageToken = found.nextPageToken;
  } while (pageToken !== "");
  expect(ids).toEqual(Array.from({ length: 25 }, (_, index) => `e${index}`));
  await expect(sink.inbox.listDeadLetters({ pageSize: 10, pageToken: "made-up" })).rejects.toThrow(
    InvalidPageTokenError,
  );
});

test("a database failure is reported, and does not count as an attempt of an event", async () => {
  await sink.database.close();
  for (let attempt = 0; attempt < 5; attempt++) {
    const failures = await sink.inbox.deliver([event("e1", "o1")]);
    expect(failures).toMatchObject([{ eventId: "e1", cause: expect.stringContaining("closed") }]);
  }
  sink = await openTestSink(testEnvironment(clock));
});

test("old marks are pruned, recent ones are not", async () => {
  await sink.inbox.deliver(Array.from({ length: 100 }, (_, index) => event(`old${index}`, `o${index}`)));
  await clock.advance(1000);
  await sink.inbox.deliver([event("new", "o")]);
  await pruneInbox(sink.database, { nowMs: clock.now(), retentionMs: 0 });
  expect(await sink.database.all("SELECT event_id FROM inbox_events")).toEqual([{ event_id: "new" }]);
});

test("rows received while the clock was wrong do not keep old ones from being pruned, and are pruned in time", async () => {
  const dayMs = 24 * 60 * 60 * 1000;
  const insert = (id: string, timeMs: number) =>
    sink.database.transaction(async (transaction) => {
      await transaction.run("INSERT INTO inbox_events VALUES ('/services/order', ?, ?)", id, timeMs);
      await transaction.run("INSERT INTO inbox_failures VALUES ('/services/order', ?, 1, '', ?)", id, timeMs);
    });
  const nowMs = clock.now();
  // More than one batch from the future, before and between old rows.
  for (let number = 0; number < 600; number++) {
    await insert(`future-${number}`, nowMs + 365 * dayMs + number);
  }
  for (let number = 0; number < 600; number++) {
    await insert(`old-${number}`, nowMs - 2 * dayMs);
  }
  await insert("young", nowMs - 1);
  const left = async () =>
    (await sink.database.all<{ event_id: string }>("SELECT event_id FROM inbox_events")).map((row) => row.event_id);

  await pruneInbox(sink.database, { nowMs, retentionMs: dayMs });
  expect((await left()).filter((id) => !id.startsWith("future"))).toEqual(["young"]);
  expect(await left()).toHaveLength(601);
  await pruneInbox(sink.database, { nowMs: nowMs + dayMs + 1, retentionMs: dayMs });
  expect(await left()).toEqual([]);
  expect(await sink.database.all("SELECT event_id FROM inbox_failures")).toEqual([]);
});
