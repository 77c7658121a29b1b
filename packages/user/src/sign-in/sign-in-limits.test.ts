import { once } from "node:events";
import { connect } from "node:net";
import { openLimits, type SharedLimits } from "@parley/events/limits";
import { findRedisServer, startTestRedis, type TestRedis } from "@parley/events/testing";
import { type Environment, systemEnvironment } from "@parley/rpc";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Attempt, createSignInLimits, type SignInRules } from "./sign-in-limits.ts";

const redisServer = findRedisServer();
if (redisServer === undefined) {
  console.log(
    "Left out: failed sign-ins that replicas share, since there is no redis-server. Debian and Ubuntu have it as redis-server.",
  );
}

/** A connection to Redis, on a machine that may be busy. */
const waitMs = 15_000;
/** A time-out that a running Redis does not exceed on such a machine. */
const patientMs = 10_000;
/** Longer than any test. */
const minuteMs = 60_000;
const rules: SignInRules = {
  account: { freeFailures: 5, firstWaitMs: minuteMs, longestWaitMs: 4 * minuteMs },
  address: { freeFailures: 20, firstWaitMs: minuteMs, longestWaitMs: minuteMs },
  sharedAddress: { freeFailures: 1_000, firstWaitMs: minuteMs, longestWaitMs: minuteMs },
};

async function openReplica(url: string, commandTimeoutMs = patientMs) {
  const messages: string[] = [];
  const system = systemEnvironment({ name: "user", logLevel: "silent" });
  const say = (...words: readonly unknown[]) => void messages.push(String(words.at(-1)));
  const log = Object.assign(Object.create(system.log), { warn: say, info: say });
  const environment: Environment = { ...system, log };
  const shared = (await openLimits(url, environment, { commandTimeoutMs })) as SharedLimits;
  const isShared = async () =>
    (await environment.metrics.getSingleMetric("parley_limits_shared")?.get())?.values[0]?.value;
  const ping = () => shared.run({ script: "return 1", keys: [], values: [] });
  await expect.poll(ping, { timeout: waitMs }).toBe(1);
  return { ...createSignInLimits({ clock: environment.clock, shared, rules }), shared, messages, isShared, ping };
}

const attempt = (account: string, group = account): Attempt => ({
  account,
  address: { group, shared: false, turn: group },
});

/** A command that ioredis does not send here. */
async function command({ url }: TestRedis, words: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(`${words}\r\n`);
  await once(socket, "data");
  socket.destroy();
}

describe.skipIf(redisServer === undefined)("failed sign-ins that replicas share through Redis", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis(redisServer ?? "");
  }, waitMs);
  afterAll(() => redis.dispose());

  test("are counted together, delay both replicas, and are dropped on both after a right password", async () => {
    const [one, other] = [await openReplica(redis.url), await openReplica(redis.url)];
    for (let failures = 0; failures < 3; failures++) {
      expect([await one.begin(attempt("alice")), await other.begin(attempt("alice"))]).toEqual([0, 0]);
    }
    for (const limits of [one, other]) {
      const untilMs = await limits.begin(attempt("alice"));
      expect(untilMs).toBeGreaterThan(0);
      expect(untilMs).toBeLessThanOrEqual(minuteMs);
    }
    expect(await other.begin(attempt("bob"))).toBe(0);

    await one.succeeded(attempt("alice"));
    expect(await other.begin(attempt("alice"))).toBe(0);
    for (const { shared } of [one, other]) shared.close();
  });

  test("exclude withdrawn attempts, and are counted once each if they are concurrent", async () => {
    const [one, other] = [await openReplica(redis.url), await openReplica(redis.url)];
    for (let times = 0; times < 10; times++) {
      expect(await one.begin(attempt("carol"))).toBe(0);
      await other.withdraw(attempt("carol"));
    }
    const waits = await Promise.all(
      Array.from({ length: 20 }, (_, index) => [one, other][index % 2]?.begin(attempt("dora"))),
    );
    expect(waits.filter((ms) => ms === 0)).toHaveLength(rules.account.freeFailures + 1);
    for (const { shared } of [one, other]) shared.close();
  });

  test("limit an address across all replicas and accounts, and one right password drops only one of its failures", async () => {
    const [one, other] = [await openReplica(redis.url), await openReplica(redis.url)];
    for (let failures = 0; failures <= rules.address.freeFailures; failures++) {
      expect(await [one, other][failures % 2]?.begin(attempt(`user ${failures}`, "10.0.0.1"))).toBe(0);
    }
    expect(await one.begin(attempt("eve", "10.0.0.1"))).toBeGreaterThan(0);
    await other.succeeded(attempt("user 0", "10.0.0.1"));
    expect(await one.begin(attempt("eve", "10.0.0.1"))).toBe(0);
    expect(await other.begin(attempt("eve", "10.0.0.1"))).toBeGreaterThan(0);
    for (const { shared } of [one, other]) shared.close();
  });

  test("are counted locally while Redis is unreachable, which is logged once, and together afterwards", async () => {
    const replica = await openReplica(redis.url, 1_000);
    expect(await replica.isShared()).toBe(1);
    // Failures that were counted together are known locally too.
    for (let failures = 0; failures < 3; failures++) expect(await replica.begin(attempt("frank"))).toBe(0);

    await command(redis, "CLIENT PAUSE 600000 WRITE");
    for (let failures = 0; failures < 3; failures++) expect(await replica.begin(attempt("frank"))).toBe(0);
    expect(await replica.begin(attempt("frank"))).toBeGreaterThan(0);
    expect(await replica.isShared()).toBe(0);
    expect(replica.messages).toEqual([expect.stringContaining("each replica counts its limits locally")]);
    await command(redis, "CLIENT UNPAUSE");
    await expect.poll(replica.ping, { timeout: waitMs, interval: 100 }).toBe(1);
    expect(await replica.isShared()).toBe(1);
    expect(replica.messages).toHaveLength(2);

    await redis.stop({ keepData: false });
    await expect.poll(replica.ping, { timeout: waitMs, interval: 50 }).toBeUndefined();
    expect(await replica.begin(attempt("grace"))).toBe(0);
    expect(await replica.isShared()).toBe(0);
    await redis.start();
    await expect.poll(replica.ping, { timeout: waitMs, interval: 100 }).toBe(1);
    expect(replica.messages.slice(2)).toEqual([
      expect.stringContaining("each replica counts its limits locally"),
      expect.stringContaining("limits are shared"),
    ]);
    replica.shared.close();
  });
});
