// Limits that replicas share through a real Redis: rate limits of the gateway, failed sign-ins of the user service.
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
}

async function openReplica(url: string): Promise<Replica> {
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const limits = await openLimits(url, environment, { commandTimeoutMs: waitMs });
  if (limits === undefined) throw new Error("no limits without a URL");
  await expect.poll(() => limits.run({ script: "return 1", keys: [], values: [] }), { timeout: waitMs }).toBe(1);
  return { environment, limits };
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

describe.skipIf(redisServer === undefined)("limits that replicas share", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis(redisServer ?? "");
  }, waitMs);
  afterAll(() => redis.dispose());

  test("requests to one gateway count at the other one", async () => {
    await using one = await openGateway(await openReplica(redis.url), 20);
    await using other = await openGateway(await openReplica(redis.url), 20);
    for (let requests = 0; requests < 20; requests++) expect(await one.ask()).toBe(200);
    expect(await one.ask()).toBe(429);
    // Its first request is not limited, since it has not yet received the count of the other gateway.
    await expect.poll(() => other.ask(), { timeout: waitMs, interval: 50 }).toBe(429);
  });

  test("a user service signs in with shared limits, and names neither accounts nor addresses in Redis", async () => {
    const { environment, limits } = await openReplica(redis.url);
    const database = await openDatabase("sqlite::memory:", { migrations: userMigrations });
    const module = createUserModule({ environment, database, sampleData: true, limits });
    await module.start?.();
    const users = createClient(UserService, connectInMemory(module, environment));
    const login = (password: string) => users.login({ email: "alice@example.com", password });
    expect((await login(samplePassword)).user?.name).toBe("Alice Johnson");
    await expect(login("wrong")).rejects.toSatisfy((error) => reasonOf(error)?.reason === "WRONG_CREDENTIALS");
    const found = (await limits.run({ script: keysScript, keys: [], values: [] })) as readonly string[];
    expect(found.filter((entry) => entry.includes("sign-in"))).toHaveLength(2);
    for (const entry of found) expect(entry).toMatch(/^parley:\{limits\}:[a-z-]+:[\w-]{22} [1-9]\d*$/);
    await module.stop?.();
  });
});

/** Each key with the time that it has left, in milliseconds. */
const keysScript = `
local found = redis.call('KEYS', '*')
for i, key in ipairs(found) do found[i] = key .. ' ' .. redis.call('PTTL', key) end
return found`;

test("a LIMITS_URL of another kind is refused, without its password", async () => {
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  await expect(openLimits("http://:secret@127.0.0.1:6379", environment)).rejects.toThrow(
    "LIMITS_URL is invalid: expected redis://host:port or rediss://host:port.",
  );
  expect(await openLimits("", environment)).toBeUndefined();
});
