import type { Event } from "@parley/gen/event/v1/event_pb.js";
import { createTestClock, type TestClock } from "@parley/rpc/testing";
import { testPostgresUrl } from "@parley/store/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Broker, BrokerUnavailableError } from "../broker/broker.ts";
import { createDirectBroker } from "../broker/direct-broker.ts";
import { createEventLog } from "../log/create-event-log.ts";
import { eventsOf, publishedEvents } from "../testing/sent-events.ts";
import {
  openTestSink,
  openTestSource,
  orderConfirmed,
  stockLow,
  type TestSink,
  type TestSource,
  testEnvironment,
} from "../testing/test-parts.ts";
import { createRelay, type Relay, type RelayOptions } from "./create-relay.ts";
import { pruneLog } from "./prune-log.ts";

let clock: TestClock;
let source: TestSource;
let sink: TestSink;
let relays: Relay[];
/** Runs before the subscriber handles events. */
let before: (events: readonly Event[]) => Promise<void>;
/** Runs after the subscriber has handled them. */
let after: (events: readonly Event[]) => Promise<void>;
let delivered: (readonly Event[])[];

beforeEach(async () => {
  clock = createTestClock();
  const environment = testEnvironment(clock);
  source = await openTestSource(environment);
  sink = await openTestSink(environment, { maxAttempts: 3 });
  relays = [];
  delivered = [];
  before = after = async () => {};
});

afterEach(async () => {
  await pass(3000);
  const stopped = Promise.all(relays.map((relay) => relay.stop()));
  await pass(3000);
  await stopped;
  await source.database.close();
  await sink.database.close();
});

/** Event-loop ticks in each step, for databases to commit. The test clock itself waits for a database server. */
const turnsPerStep = testPostgresUrl === undefined ? 10 : 3;

/** Advances the clock, with enough turns of the event loop in each step for databases to commit. */
async function pass(durationMs: number) {
  const stepMs = Math.min(durationMs, durationMs > 10_000 ? 100 : 10);
  for (let passedMs = 0; passedMs < durationMs; passedMs += stepMs) {
    await clock.advance(stepMs);
    for (let turn = 0; turn < turnsPerStep; turn++) {
      await clock.settle();
    }
  }
}

/** A subscriber that handles every event. */
function directBroker(): Broker {
  return createDirectBroker({
    subscribers: [
      {
        name: "sink",
        client: {
          async deliver(request) {
            const messages = eventsOf(request);
            delivered.push(messages);
            await before(messages);
            const failures = await sink.inbox.deliver(messages);
            await after(messages);
            return { $typeName: "event.v1.DeliverResponse", failures: failures.map(failure) };
          },
        },
      },
    ],
  });
}

const failure = (failed: { readonly eventId: string; readonly cause: string }) =>
  ({ $typeName: "event.v1.DeliveryFailure", ...failed }) as const;

function startRelay(options: Partial<RelayOptions> = {}): Relay {
  const { database, log } = source;
  const relay = createRelay({ database, log, broker: directBroker(), environment: testEnvironment(clock), ...options });
  relays.push(relay);
  relay.start();
  return relay;
}

const orders = (count: number) => Array.from({ length: count }, (_, index) => `o${index}`);

test("an event is delivered shortly after its commit, once", async () => {
  startRelay();
  await clock.settle();
  await source.append(orderConfirmed("o1"));
  await pass(50);
  expect(await sink.effects()).toEqual(["o1 1"]);
  await pass(60_000);
  expect(await sink.effects()).toEqual(["o1 1"]);
  expect(await source.waitingCount()).toBe(0);
});

test("events of this process are passed in memory, not read from the log", async () => {
  startRelay();
  await source.append(orderConfirmed("o1"));
  await pass(500);
  const reads = vi.spyOn(source.database, "all");
  for (const order of orders(100)) {
    await source.append(orderConfirmed(order));
  }
  await pass(500);
  expect(await sink.effects()).toHaveLength(101);
  expect(reads.mock.calls.filter(([sql]) => sql.includes("event_log"))).toEqual([]);
});

test("events that another process appended in between are read, and published before later ones of their key", async () => {
  startRelay();
  await source.append(orderConfirmed("o", 1));
  await pass(500);
  const other = createEventLog({
    database: source.database,
    source: "/services/order",
    environment: { ...testEnvironment(clock), newId: () => "other" },
  });
  await source.database.transaction((transaction) => other.append(transaction, orderConfirmed("o", 2)));
  await source.append(orderConfirmed("o", 3));
  await pass(500);
  expect(await sink.effects()).toEqual(["o 1", "o 2", "o 3"]);
});

test("events under load are batched, and a full batch does not wait", async () => {
  startRelay();
  for (let number = 0; number < 50; number++) {
    await source.append(orderConfirmed(`o${number}`));
    await pass(10);
  }
  await pass(500);
  expect(delivered.length).toBeLessThan(10);
  delivered = [];
  await source.append(orderConfirmed("first"));
  await pass(20);
  await source.append(...orders(100).map((order) => orderConfirmed(order, 2)));
  await pass(10);
  expect(delivered.map((batch) => batch.length)).toEqual([1, 100]);
});

test("outcomes of events are counted", async () => {
  const environment = testEnvironment(clock);
  sink.failing.add("bad");
  startRelay({ environment });
  await source.append(orderConfirmed("good"), orderConfirmed("bad"));
  await pass(5000);
  const text = await environment.metrics.metrics();
  expect(text).toMatch(/^parley_events_published_total 2$/m);
  expect(text).toMatch(/^parley_events_publish_failures_total 2$/m);
});

test("many events are sent in few batches, none lost, those of a key in order", async () => {
  for (let number = 0; number < 10; number++) {
    await source.append(...orders(50).map((order) => orderConfirmed(order, number)));
  }
  startRelay();
  await pass(1000);
  const effects = await sink.effects();
  expect(effects).toHaveLength(500);
  for (const order of orders(50)) {
    const numbers = effects.filter((text) => text.startsWith(`${order} `)).map((text) => text.split(" ")[1]);
    expect(numbers).toEqual([..."0123456789"]);
  }
  expect(delivered.length).toBeLessThan(20);
  expect(Math.max(...delivered.map((batch) => batch.length))).toBeLessThanOrEqual(100);
});

test("a failing event delays only its key, becomes a dead letter, and its key continues", async () => {
  sink.failing.add("bad");
  startRelay();
  await source.append(orderConfirmed("bad", 1), orderConfirmed("good"), stockLow("101"));
  await pass(50);
  await source.append(orderConfirmed("bad", 2), orderConfirmed("later"));
  await pass(50);
  expect(await sink.effects()).toEqual(["good 1", "later 1"]);
  await pass(2000);
  sink.failing.clear();
  await pass(60_000);
  expect(await sink.effects()).toEqual(["good 1", "later 1", "bad 2"]);
  const { deadLetters } = await sink.inbox.listDeadLetters({ pageSize: 10, pageToken: "" });
  expect(deadLetters).toMatchObject([{ subject: "bad", attempts: 3, cause: "Error: cannot handle bad" }]);
  expect(await source.waitingCount()).toBe(0);
});

test("the backoff of a failing event grows", async () => {
  sink.failing.add("bad");
  const times: number[] = [];
  before = async () => {
    times.push(clock.monotonic());
  };
  startRelay();
  await source.append(orderConfirmed("bad"));
  await pass(10_000);
  expect(times).toHaveLength(3);
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(waits[0]).toBeGreaterThanOrEqual(250);
  expect(waits[1]).toBeGreaterThanOrEqual(500);
});

test("an outage of a subscriber loses and repeats no event, and appends continue meanwhile", async () => {
  before = () => Promise.reject(new Error("connection refused"));
  startRelay();
  for (const order of orders(100)) {
    await source.append(orderConfirmed(order));
  }
  await pass(5 * 60_000);
  expect(await source.waitingCount()).toBe(100);
  // It is probed with one event at a time, with backoff.
  expect(delivered.length).toBeLessThan(100);
  before = async () => {};
  await pass(10_000);
  expect([...(await sink.effects())].sort()).toEqual(
    orders(100)
      .map((order) => `${order} 1`)
      .sort(),
  );
});

test("a lost answer after the effect causes no second effect", async () => {
  after = () => Promise.reject(new Error("connection reset"));
  startRelay();
  await source.append(orderConfirmed("o1"), orderConfirmed("o2"));
  await pass(1000);
  expect(await source.waitingCount()).toBe(2);
  after = async () => {};
  await pass(20_000);
  expect(await sink.effects()).toEqual(["o1 1", "o2 1"]);
  expect(await source.waitingCount()).toBe(0);
});

test("an event that crashes the consumer stops neither others nor the relay, and fails few others with it", async () => {
  let crashes = 0;
  before = async (events) => {
    if (events.some(({ subject }) => subject === "poison")) {
      crashes++;
      throw new Error("crashed");
    }
  };
  startRelay();
  await source.append(orderConfirmed("poison"), ...orders(20).map((order) => orderConfirmed(order)));
  await pass(5000);
  expect(await sink.effects()).toHaveLength(20);
  for (let round = 0; round < 50; round++) {
    await source.append(orderConfirmed("o", round));
    await pass(1000);
  }
  expect(await sink.effects()).toHaveLength(70);
  expect(await source.waitingCount()).toBe(1);
  expect(crashes).toBeLessThan(30);
  // Once it was isolated, it was never sent with others again.
  const together = delivered.filter((batch) => batch.length > 1 && batch.some(({ subject }) => subject === "poison"));
  expect(together).toHaveLength(1);
});

test("a starting relay publishes the waiting events", async () => {
  await source.append(orderConfirmed("o1"));
  const relay = startRelay();
  await pass(50);
  await relay.stop();
  await source.append(orderConfirmed("o2"));
  startRelay();
  await pass(50);
  expect(await sink.effects()).toEqual(["o1 1", "o2 1"]);
});

test("stop needs no timer without batches in flight", async () => {
  const relay = startRelay();
  await source.append(orderConfirmed("o1"));
  await pass(50);
  // The clock stands still from here on, as for a process that has only timers left.
  await relay.stop();
  expect(await sink.effects()).toEqual(["o1 1"]);
});

test("stop waits for batches in flight, and aborts those that do not end", async () => {
  before = () => new Promise(() => {});
  const aborts: boolean[] = [];
  const broker: Broker = {
    publish: (_, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborts.push(true);
          reject(new BrokerUnavailableError("aborted"));
        });
      }),
    async close() {},
  };
  const relay = startRelay({ broker });
  await source.append(orderConfirmed("o1"));
  await pass(50);
  const stopped = relay.stop();
  await pass(1900);
  expect(aborts).toEqual([]);
  await pass(200);
  await stopped;
  expect(aborts).toEqual([true]);
  expect(await source.waitingCount()).toBe(1);
});

test("with two replicas each key has one publisher at a time, and one takes over when the other dies", async () => {
  const publishers = new Map<string, Set<string>>();
  const counting = (name: string): Broker => {
    const broker = directBroker();
    return {
      publish(events, signal) {
        for (const { partitionKey } of publishedEvents(events)) {
          publishers.set(partitionKey, (publishers.get(partitionKey) ?? new Set()).add(name));
        }
        return broker.publish(events, signal);
      },
      close: () => broker.close(),
    };
  };
  startRelay({ replica: "a", broker: counting("a") });
  const second = startRelay({ replica: "b", broker: counting("b") });
  // Each has seen the other, and the shares are stable.
  await pass(10_000);
  await source.append(...orders(60).map((order) => orderConfirmed(order)));
  await pass(3000);
  expect(await sink.effects()).toHaveLength(60);
  expect([...publishers.values()].every((names) => names.size === 1)).toBe(true);
  expect(new Set([...publishers.values()].flatMap((names) => [...names]))).toEqual(new Set(["a", "b"]));

  await second.stop();
  await source.append(...orders(60).map((order) => orderConfirmed(order, 2)));
  await pass(10_000);
  expect(await sink.effects()).toHaveLength(120);
});

test("a crashed replica is replaced when its leases have expired", async () => {
  await source.database.transaction(async (transaction) => {
    for (let partition = 0; partition < 16; partition++) {
      await transaction.run("INSERT INTO event_leases VALUES (?, 'dead', ?)", partition, clock.now() + 5000);
    }
  });
  await source.append(orderConfirmed("o1"));
  startRelay();
  await pass(4000);
  expect(await sink.effects()).toEqual([]);
  await pass(4000);
  expect(await sink.effects()).toEqual(["o1 1"]);
});

test("the relay continues after a database failure", async () => {
  const { database } = source;
  let broken = true;
  startRelay({
    database: {
      ...database,
      transaction: (work) => (broken ? Promise.reject(new Error("disk full")) : database.transaction(work)),
      all: (sql, ...parameters) => database.all(sql, ...parameters),
      get: (sql, ...parameters) => database.get(sql, ...parameters),
      close: () => database.close(),
    },
  });
  await source.append(orderConfirmed("o1"));
  await pass(60_000);
  expect(await sink.effects()).toEqual([]);
  broken = false;
  await pass(10_000);
  expect(await sink.effects()).toEqual(["o1 1"]);
});

test("pruning deletes old done events, and no waiting one", async () => {
  sink.failing.add("bad");
  before = async (events) => {
    if (events.some(({ subject }) => subject === "bad")) {
      throw new Error("not yet");
    }
  };
  startRelay();
  await source.append(...orders(700).map((order) => orderConfirmed(order)));
  await pass(3000);
  await source.append(orderConfirmed("bad"));
  await pass(60_000);
  await source.append(orderConfirmed("young"));
  await pass(20_000);
  await pruneLog(source.database, { beforeMs: clock.now() - 30_000, nowMs: clock.now() });
  const left = await source.database.all("SELECT sequence FROM event_log ORDER BY sequence");
  expect(left).toEqual([{ sequence: 701 }, { sequence: 702 }]);
  const waiting = await source.database.all("SELECT partition_key FROM event_waiting");
  expect(waiting).toEqual([{ partition_key: "bad" }]);
  expect(await source.database.get("SELECT through_sequence FROM event_log_pruned")).toEqual({ through_sequence: 700 });
});
