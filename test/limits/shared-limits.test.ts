// Limits that replicas share through a real Redis: rate limits of the gateway, failed sign-ins of the user service.
import { once } from "node:events";
import { connect } from "node:net";
import { createClient } from "@connectrpc/connect";
import { openLimits, type SharedLimits } from "@parley/events/limits";
import { findRedisServer, startTestRedis, type TestRedis } from "@parley/events/testing";
import { createGatewayModule } from "@parley/gateway";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { type Environment, reasonOf, systemEnvironment } from "@parley/rpc";
import { implementPartly, serve } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { openDatabase } from "@parley/store";
import { createUserModule, samplePassword, userMigrations } from "@parley/user";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const redisServer = findRedisServer();
if (redisServer === undefined) {
  console.log(
    "Left out: limits that replicas share, since there is no redis-server. Debian and Ubuntu have it as redis-server.",
  );
}

/** A connection to Redis and its counters, on a machine that may be busy. */
const waitMs = 15_000;

interface Replica {
  readonly environment: Environment;
  readonly limits: SharedLimits;
  /** The log lines about Redis. */
  readonly said: string[];
  gauge(): Promise<number | undefined>;
}

async function openReplica(url: string): Promise<Replica> {
  const said: string[] = [];
  const system = systemEnvironment({ name: "test", logLevel: "silent" });
  const say = (...words: readonly unknown[]) => void said.push(String(words.at(-1)));
  const log = Object.assign(Object.create(system.log), { warn: say, info: say });
  const environment: Environment = { ...system, log };
  const limits = await openLimits(url, environment);
  if (limits === undefined) throw new Error("no limits without a URL");
  const gauge = async () =>
    (await environment.metrics.getSingleMetric("parley_limits_shared")?.get())?.values[0]?.value;
  await expect.poll(() => limits.run({ script: "return 1", keys: [], values: [] }), { timeout: waitMs }).toBe(1);
  return { environment, limits, said, gauge };
}

async function openUser({ environment, limits }: Replica) {
  const database = await openDatabase("sqlite::memory:", { migrations: userMigrations });
  const module = createUserModule({ environment, database, sampleData: true, limits });
  await module.start?.();
  const users = createClient(UserService, connectInMemory(module, environment));
  return {
    /** The reason of the refusal, or `signed in`. */
    login: (password: string, email = "alice@example.com") =>
      users.login({ email, password }).then(
        () => "signed in",
        (error: unknown) => reasonOf(error)?.reason,
      ),
    [Symbol.asyncDispose]: async () => await module.stop?.(),
  };
}

async function openGateway({ environment, limits }: Replica, requestsPerMinuteMax: number) {
  const product = implementPartly(ProductService, { getProduct: ({ productId }) => ({ product: { id: productId } }) });
  const backends = { product: connectInMemory({ entries: [product] }, environment) };
  const module = createGatewayModule({ environment, backends, requestsPerMinuteMax, limits });
  const config = { limits: {}, drainNoticeMs: 10, shutdownGraceMs: 1_000 };
  const server = await serve(module, { name: "gateway", environment, config });
  return {
    ask: async () => (await fetch(`${server.url}/products/101`)).status,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

async function command({ url }: TestRedis, words: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(`${words}\r\n`);
  await once(socket, "data");
  socket.destroy();
}

describe.skipIf(redisServer === undefined)("limits that replicas share", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis(redisServer ?? "");
  }, waitMs);
  afterAll(() => redis.dispose());

  test("failed sign-ins at one replica make the other one wait, and a right password ends that on both", async () => {
    await using one = await openUser(await openReplica(redis.url));
    await using other = await openUser(await openReplica(redis.url));
    expect(await other.login(samplePassword, "bob@example.com")).toBe("signed in");
    for (let failures = 0; failures < 3; failures++) {
      expect([await one.login("wrong"), await other.login("wrong")]).toEqual([
        "WRONG_CREDENTIALS",
        "WRONG_CREDENTIALS",
      ]);
    }
    // The sixth failure was the first that costs a wait, whichever replica is asked.
    expect(await one.login("wrong")).toBe("TOO_MANY_FAILED_LOGINS");
    expect(await other.login(samplePassword)).toBe("TOO_MANY_FAILED_LOGINS");
    await expect.poll(() => other.login(samplePassword), { timeout: waitMs, interval: 200 }).toBe("signed in");
    for (let failures = 0; failures < 5; failures++) expect(await one.login("wrong")).toBe("WRONG_CREDENTIALS");
  });

  test("requests to one gateway count at the other one", async () => {
    await using one = await openGateway(await openReplica(redis.url), 20);
    await using other = await openGateway(await openReplica(redis.url), 20);
    for (let requests = 0; requests < 20; requests++) expect(await one.ask()).toBe(200);
    expect(await one.ask()).toBe(429);
    // Its first request is free, since it has not heard of the others then.
    await expect.poll(() => other.ask(), { timeout: waitMs, interval: 50 }).toBe(429);
  });

  test("without an answer of Redis each replica counts alone, says so once, and shares again afterwards", async () => {
    const replica = await openReplica(redis.url);
    await using user = await openUser(replica);
    expect(await replica.gauge()).toBe(1);

    await command(redis, "CLIENT PAUSE 60000 WRITE");
    // Waits for one time-out, and not again.
    for (let failures = 0; failures < 6; failures++)
      expect(await user.login("wrong", "bob@example.com")).toBe("WRONG_CREDENTIALS");
    expect(await user.login("wrong", "bob@example.com")).toBe("TOO_MANY_FAILED_LOGINS");
    expect(await replica.gauge()).toBe(0);
    expect(replica.said).toEqual([expect.stringContaining("each replica counts its limits alone")]);
    await command(redis, "CLIENT UNPAUSE");
    const ping = () => replica.limits.run({ script: "return 1", keys: [], values: [] });
    await expect.poll(ping, { timeout: waitMs, interval: 100 }).toBe(1);
    expect(replica.said).toHaveLength(2);
    expect(await replica.gauge()).toBe(1);

    await redis.stop({ keepData: false });
    await expect.poll(ping, { timeout: waitMs, interval: 50 }).toBeUndefined();
    expect(await user.login(samplePassword, "charlie@example.com")).toBe("signed in");
    expect(await replica.gauge()).toBe(0);
    await redis.start();
    await expect.poll(ping, { timeout: waitMs, interval: 100 }).toBe(1);
    expect(replica.said.slice(2)).toEqual([
      expect.stringContaining("each replica counts its limits alone"),
      expect.stringContaining("limits are shared again"),
    ]);
  });

  test("names neither e-mail addresses nor network addresses in Redis, and its counters end", async () => {
    const { limits } = await openReplica(redis.url);
    await using user = await openUser(await openReplica(redis.url));
    expect(await user.login("wrong", "dora@example.com")).toBe("WRONG_CREDENTIALS");
    const script =
      "local found = redis.call('KEYS', '*') for i, key in ipairs(found) do found[i] = key .. ' ' .. redis.call('PTTL', key) end return found";
    const found = (await limits.run({ script, keys: [], values: [] })) as readonly string[];
    expect(found.length).toBeGreaterThan(1);
    for (const entry of found) expect(entry).toMatch(/^parley:\{limits\}:[a-z-]+:[\w-]{22} [1-9]\d*$/);
    limits.close();
  });
});

test("a LIMITS_URL of another kind is refused, without its password", async () => {
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  await expect(openLimits("http://:secret@127.0.0.1:6379", environment)).rejects.toThrow(
    "LIMITS_URL cannot be understood: expected redis://host:port or rediss://host:port.",
  );
  expect(await openLimits("", environment)).toBeUndefined();
});
