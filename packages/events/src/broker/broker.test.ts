import { create } from "@bufbuild/protobuf";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { type Environment, systemClock } from "@parley/rpc";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createRelay, type Relay } from "../relay/create-relay.ts";
import { findKafka, startTestKafka, type TestKafka } from "../testing/kafka-server.ts";
import { findRedisServer, startTestRedis, type TestRedis } from "../testing/redis-server.ts";
import { eventsOf, outgoing } from "../testing/sent-events.ts";
import {
  openTestSink,
  openTestSource,
  orderConfirmed,
  type TestSink,
  type TestSource,
  testEnvironment,
} from "../testing/test-parts.ts";
import type { Broker } from "./broker.ts";
import { createDirectBroker } from "./direct-broker.ts";
import type { EventConsumer } from "./event-consumer.ts";
import { createKafkaBroker } from "./kafka/kafka-broker.ts";
import { createKafkaConsumer } from "./kafka/kafka-consumer.ts";
import { kafkaOptions } from "./kafka/kafka-options.ts";
import { BrokerUrlError, openBroker, openConsumer, parseBrokerUrl } from "./open-broker.ts";
import { createRedisBroker } from "./redis/redis-broker.ts";
import { connectRedis, ensureGroup } from "./redis/redis-connection.ts";
import { createRedisConsumer } from "./redis/redis-consumer.ts";
import { streamOf } from "./redis/redis-names.ts";
import { trimAcknowledged } from "./redis/redis-stream.ts";

const orders = (count: number, prefix = "o") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const sourceName = "/services/order";

/** How a test creates the parts of a broker. */
interface BrokerKind {
  openBroker(environment: Environment, sink: () => TestSink): Broker;
  openConsumer(environment: Environment, sink: TestSink): EventConsumer;
}

let environment: Environment;
let source: TestSource;
let sink: TestSink;
let broker: Broker;
let relay: Relay;
let consumer: EventConsumer;

async function open(kind: BrokerKind) {
  environment = { ...testEnvironment(systemClock), newId: () => crypto.randomUUID() };
  source = await openTestSource(environment, sourceName);
  sink = await openTestSink(environment, { maxAttempts: 3 });
  broker = kind.openBroker(environment, () => sink);
  consumer = kind.openConsumer(environment, sink);
  relay = createRelay({
    database: source.database,
    log: source.log,
    broker,
    environment,
    replica: "test",
    backoff: { initialMs: 20, maxMs: 200 },
  });
}

async function close() {
  await Promise.all([relay.stop(), consumer.stop()]);
  await broker.close();
  await source.database.close();
  await sink.database.close();
}

/** The time limit of the wait below: long, since Kafka's JVM is slow on a busy machine. */
const publishedMaxMs = findKafka() === undefined ? 15_000 : 120_000;

/** Waits until the source has no unpublished events. Generous for a busy machine; it returns as soon as none is left. */
async function untilAllPublished() {
  await vi.waitFor(async () => expect(await source.waitingCount()).toBe(0), { timeout: publishedMaxMs, interval: 20 });
}

async function expectEachOnce(names: readonly string[]) {
  expect([...(await sink.effects())].sort()).toEqual(names.map((name) => `${name} 1`).sort());
}

/** The tests of every broker. */
function describeBroker(name: string, kind: BrokerKind) {
  describe(name, () => {
    beforeEach(() => open(kind));
    afterEach(close);

    test("every event arrives once, those of a key in order", async () => {
      relay.start();
      consumer.start();
      for (let number = 0; number < 5; number++) {
        await source.append(...orders(60).map((order) => orderConfirmed(order, number)));
      }
      await untilAllPublished();
      const effects = await sink.effects();
      expect(effects).toHaveLength(300);
      for (const order of orders(60)) {
        expect(effects.filter((text) => text.startsWith(`${order} `)).map((text) => text.split(" ")[1])).toEqual([
          ..."01234",
        ]);
      }
    });

    test("events published while the consumer was down arrive once after its restart", async () => {
      relay.start();
      await source.append(...orders(100).map((order) => orderConfirmed(order)));
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await sink.effects()).toEqual([]);
      consumer.start();
      await untilAllPublished();
      await expectEachOnce(orders(100));
    });

    test("a consumer that restarts in the middle loses and repeats no event", async () => {
      relay.start();
      const names: string[] = [];
      for (let round = 0; round < 4; round++) {
        consumer.start();
        const more = orders(50, `r${round}-`);
        names.push(...more);
        await source.append(...more.map((order) => orderConfirmed(order)));
        await consumer.stop();
      }
      consumer.start();
      await untilAllPublished();
      await expectEachOnce(names);
    });

    test("an event that always fails becomes a dead letter, others are delivered, and redriving delivers it once", async () => {
      sink.failing.add("bad");
      relay.start();
      consumer.start();
      await source.append(orderConfirmed("bad"), orderConfirmed("good"));
      await vi.waitFor(async () => expect(await sink.effects()).toEqual(["good 1"]), { timeout: 5000 });
      await untilAllPublished();
      const { deadLetters } = await sink.inbox.listDeadLetters({ pageSize: 10, pageToken: "" });
      expect(deadLetters).toMatchObject([{ subject: "bad", attempts: 3, cause: "Error: cannot handle bad" }]);
      sink.failing.clear();
      await sink.inbox.redriveDeadLetters([]);
      expect(await sink.effects()).toEqual(["good 1", "bad 1"]);
    });

    test("publish returns the failed events and delivers the others", async () => {
      sink.failing.add("bad");
      consumer.start();
      const events = ["bad", "good"].map((order) =>
        outgoing(create(EventSchema, { ...orderConfirmed(order), id: `e-${order}`, source: sourceName })),
      );
      // The broker may still be connecting.
      const failures = await vi.waitFor(() => broker.publish(events, AbortSignal.timeout(10_000)), { timeout: 10_000 });
      expect(failures).toMatchObject([{ eventId: "e-bad", cause: "Error: cannot handle bad" }]);
      expect(await sink.effects()).toEqual(["good 1"]);
    });
  });
}

let directIsUp = false;

describeBroker("direct", {
  openBroker: (_, getSink) =>
    createDirectBroker({
      subscribers: [
        {
          name: "sink",
          client: {
            async deliver(request) {
              if (!directIsUp) {
                throw new Error("connection refused");
              }
              const failures = await getSink().inbox.deliver(eventsOf(request));
              return {
                $typeName: "event.v1.DeliverResponse",
                failures: failures.map((failed) => ({ $typeName: "event.v1.DeliveryFailure", ...failed })),
              };
            },
          },
        },
      ],
    }),
  openConsumer: () => ({
    start() {
      directIsUp = true;
    },
    async stop() {
      directIsUp = false;
    },
  }),
});

const program = findRedisServer();
if (program === undefined) {
  console.warn("Left out: the tests of the Redis broker, since no redis-server was found on PATH.");
}

describe.skipIf(program === undefined)("with Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startTestRedis(program ?? "");
  });
  afterAll(() => redis.dispose());
  beforeEach(async () => {
    const client = connectRedis(redis.url, testEnvironment(systemClock).log);
    await vi.waitFor(() => client.flushall(), { timeout: 5000 });
    client.disconnect();
  });

  const kind: BrokerKind = {
    openBroker: (environment) =>
      createRedisBroker({ url: redis.url, source: sourceName, groups: ["sink"], environment, checkIntervalMs: 100 }),
    openConsumer: (environment, { inbox }) =>
      createRedisConsumer({
        url: redis.url,
        group: "sink",
        sources: [sourceName],
        deliver: inbox.deliver,
        environment,
        claimIdleMs: 300,
        forgetIdleMs: 500,
      }),
  };

  describeBroker("redis", kind);

  describe("redis alone", () => {
    beforeEach(() => open(kind));
    afterEach(close);

    async function withClient<T>(work: (client: ReturnType<typeof connectRedis>) => Promise<T>): Promise<T> {
      const client = connectRedis(redis.url, environment.log);
      try {
        await vi.waitFor(() => client.ping(), { timeout: 5000 });
        return await work(client);
      } finally {
        client.disconnect();
      }
    }

    test.each([
      ["keeps its data", true],
      ["loses its data", false],
    ])("Redis stops and %s: appends continue, and every event arrives once after its restart", async (_, keepData) => {
      relay.start();
      consumer.start();
      await source.append(...orders(20, "before").map((order) => orderConfirmed(order)));
      await untilAllPublished();
      await redis.stop({ keepData });
      await source.append(...orders(50, "meanwhile").map((order) => orderConfirmed(order)));
      expect(await source.waitingCount()).toBe(50);
      await redis.start();
      await source.append(...orders(20, "after").map((order) => orderConfirmed(order)));
      await untilAllPublished();
      await expectEachOnce([...orders(20, "before"), ...orders(50, "meanwhile"), ...orders(20, "after")]);
    });

    test("entries that Redis lost before they were read are published again", async () => {
      relay.start();
      await source.append(...orders(30).map((order) => orderConfirmed(order)));
      await withClient((client) =>
        vi.waitFor(async () => expect(await client.xlen(streamOf(sourceName))).toBeGreaterThan(0)),
      );
      await redis.stop({ keepData: false });
      await redis.start();
      consumer.start();
      await untilAllPublished();
      await expectEachOnce(orders(30));
    });

    test("another consumer claims the entries of a dead one", async () => {
      await withClient(async (client) => {
        await ensureGroup(client, streamOf(sourceName), "sink");
        relay.start();
        await source.append(orderConfirmed("o1"));
        const taken = await client.xreadgroup(
          "GROUP",
          "sink",
          "dead",
          "COUNT",
          10,
          "BLOCK",
          3000,
          "STREAMS",
          streamOf(sourceName),
          ">",
        );
        expect(taken).not.toBeNull();
      });
      consumer.start();
      await untilAllPublished();
      await expectEachOnce(["o1"]);
    });

    test("the names of dead consumers are removed from the group, and those with pending entries once these are claimed", async () => {
      await withClient(async (client) => {
        const stream = streamOf(sourceName);
        await ensureGroup(client, stream, "sink");
        const names = async () => {
          const consumers = (await client.xinfo("CONSUMERS", stream, "sink")) as string[][];
          return consumers.map((fields) => fields[fields.indexOf("name") + 1]);
        };
        for (let life = 0; life < 20; life++) {
          await client.xgroup("CREATECONSUMER", stream, "sink", `crashed-${life}`);
        }
        relay.start();
        await source.append(orderConfirmed("o1"));
        const read = ["GROUP", "sink", "crashed-0", "COUNT", 10, "BLOCK", 3000, "STREAMS", stream, ">"] as const;
        expect(await client.xreadgroup(...read)).not.toBeNull();
        expect(await names()).toHaveLength(20);
        consumer.start();
        await untilAllPublished();
        await vi.waitFor(async () => expect(await names()).toHaveLength(1), { timeout: 15_000, interval: 50 });
        expect((await names())[0]).not.toContain("crashed");
      });
      await expectEachOnce(["o1"]);
    });

    test("an acknowledgement without a reply leads to another delivery, not to a lost event", async () => {
      await withClient(async (client) => {
        await ensureGroup(client, streamOf(sourceName), "sink");
        relay.start();
        await source.append(orderConfirmed("o1"));
        const taken = (await client.xreadgroup(
          "GROUP",
          "sink",
          "liar",
          "COUNT",
          1,
          "BLOCK",
          3000,
          "STREAMS",
          streamOf(sourceName),
          ">",
        )) as unknown as [[string, [[string]]]];
        await client.xack(streamOf(sourceName), "sink", taken[0][1][0][0]);
      });
      consumer.start();
      await untilAllPublished();
      await expectEachOnce(["o1"]);
    });

    test("an undecodable entry blocks no other", async () => {
      await withClient(async (client) => {
        await client.xadd(streamOf(sourceName), "*", "request", "\u00ff nonsense", "batch", "b");
        await client.xadd(streamOf(sourceName), "*", "something", "else");
        await client.publish("parley:replies:/services/order", "nonsense");
      });
      relay.start();
      consumer.start();
      await source.append(orderConfirmed("o1"));
      await untilAllPublished();
      await expectEachOnce(["o1"]);
    });

    test("trimming removes only entries that all groups have acknowledged", async () => {
      const stream = streamOf(sourceName);
      await withClient(async (client) => {
        await Promise.all(["a", "b"].map((group) => ensureGroup(client, stream, group)));
        for (const number of [1, 2, 3, 4, 5]) {
          await client.xadd(stream, `${number}-0`, "request", "x");
        }
        const read = (group: string, count: number) =>
          client.xreadgroup("GROUP", group, "c", "COUNT", count, "STREAMS", stream, ">");
        const left = async () => (await client.xrange(stream, "-", "+")).map(([id]) => id);
        await read("a", 5);
        await client.xack(stream, "a", "1-0", "2-0", "3-0", "4-0", "5-0");
        await trimAcknowledged(client, stream, ["a", "b", "missing"]);
        await trimAcknowledged(client, stream, ["a", "b"]);
        expect(await left()).toHaveLength(5);
        await read("b", 3);
        await client.xack(stream, "b", "1-0", "3-0");
        await trimAcknowledged(client, stream, ["a", "b"]);
        expect(await left()).toEqual(["2-0", "3-0", "4-0", "5-0"]);
        await client.xack(stream, "b", "2-0");
        await trimAcknowledged(client, stream, ["a", "b"]);
        expect(await left()).toEqual(["4-0", "5-0"]);
      });
    });

    test("the stream is empty after all groups have replied", async () => {
      relay.start();
      consumer.start();
      await source.append(...orders(250).map((order) => orderConfirmed(order)));
      await untilAllPublished();
      await withClient((client) => vi.waitFor(async () => expect(await client.xlen(streamOf(sourceName))).toBe(0)));
    });
  });
});

const kafkaLibs = findKafka();
if (kafkaLibs === undefined) {
  console.warn(
    "Left out: the tests of the Kafka broker, since Kafka is not installed. `npm run test:kafka` fetches it.",
  );
}

describe.skipIf(kafkaLibs === undefined)(
  "with Kafka",
  () => {
    let kafka: TestKafka;

    beforeAll(async () => {
      kafka = await startTestKafka(kafkaLibs ?? "");
    }, 400_000);
    afterAll(() => kafka.dispose());

    /** Each test has its own group and source, so that the committed offsets of earlier tests do not matter. */
    let life = 0;
    const optionsFor = (environment: Environment, test: number) => ({
      kafka: kafkaOptions(kafka.url, "test") ?? (undefined as never),
      environment,
      source: `${sourceName}-${test}`,
      group: `sink-${test}`,
    });
    const kind: BrokerKind = {
      openBroker: (environment) => {
        const options = optionsFor(environment, ++life);
        return createKafkaBroker({ ...options, groups: [options.group], checkIntervalMs: 500 });
      },
      openConsumer: (environment, { inbox }) => {
        const options = optionsFor(environment, life);
        return createKafkaConsumer({ ...options, sources: [options.source], deliver: inbox.deliver });
      },
    };

    describeBroker("kafka", kind);

    describe("kafka alone", () => {
      beforeEach(() => open(kind));
      afterEach(close);

      test("Kafka is killed and restarted: appends continue, and every event arrives once", async () => {
        relay.start();
        consumer.start();
        await source.append(...orders(20, "before").map((order) => orderConfirmed(order)));
        await untilAllPublished();
        await kafka.kill();
        await source.append(...orders(50, "meanwhile").map((order) => orderConfirmed(order)));
        expect(await source.waitingCount()).toBe(50);
        await kafka.start();
        await source.append(...orders(20, "after").map((order) => orderConfirmed(order)));
        await untilAllPublished();
        await expectEachOnce([...orders(20, "before"), ...orders(50, "meanwhile"), ...orders(20, "after")]);
      });
    });
  },
  300_000,
);

test.each([
  ["kafka://127.0.0.1:9092", ["127.0.0.1:9092"]],
  ["kafka://a,b:9093", ["a:9092", "b:9093"]],
  ["kafkas://me:se%40cret@a", ["a:9092"]],
])("the broker URL %j is Kafka's", (url, bootstrapBrokers) => {
  const parsed = parseBrokerUrl(url);
  expect(parsed).toMatchObject({ kind: "kafka", kafka: { bootstrapBrokers } });
});

test.each([
  "",
  "kafka:",
  "kafka://",
  "kafka://host:port",
  "kafka://host/topic",
  "redis:",
  "redis://",
  "127.0.0.1:6379",
  "Direct",
])("the broker URL %j is refused", (url) => {
  expect(() => parseBrokerUrl(url)).toThrow(BrokerUrlError);
  const environment = testEnvironment(systemClock);
  expect(() => openBroker(url, { source: sourceName, subscribers: [], environment })).toThrow(BrokerUrlError);
  expect(() => openConsumer(url, { group: "g", sources: [], deliver: async () => [], environment })).toThrow(
    BrokerUrlError,
  );
});
