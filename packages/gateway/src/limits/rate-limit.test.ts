import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { readTrustedProxies } from "@parley/rpc/server";
import { createTestClock } from "@parley/rpc/testing";
import { afterEach, expect, test } from "vitest";
import { openTestGateway, type TestGateway } from "../testing/fake-platform.ts";
import { CallerRate } from "./caller-rate.ts";
import { createRateLimit } from "./rate-limit.ts";

let gateway: TestGateway | undefined;
afterEach(() => gateway?.server.close());

test("a caller above the limit gets 429 with the wait, for REST and RPC together", async () => {
  gateway = await openTestGateway({ requestsPerMinuteMax: 3 });
  const client = createClient(
    ProductService,
    createConnectTransport({ baseUrl: gateway.server.url.replace("127.0.0.1", "127.0.0.1"), httpVersion: "1.1" }),
  );
  expect((await gateway.fetch("/products/101")).status).toBe(200);
  await client.getProduct({ productId: "101" });
  expect((await gateway.fetch("/products/101")).status).toBe(200);
  const refused = await gateway.fetch("/products/101");
  expect(refused.status).toBe(429);
  const wait = Number(refused.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60);
  expect(await refused.json()).toMatchObject({
    error: {
      code: 429,
      status: "RESOURCE_EXHAUSTED",
      details: [{ reason: "RATE_LIMITED", metadata: { limit: "3" } }, {}, {}],
    },
  });
  await expect(client.getProduct({ productId: "101" })).rejects.toMatchObject({ code: Code.ResourceExhausted });
  expect((await gateway.fetch("/health")).status).toBe(200);
});

test("x-forwarded-for counts only from a trusted proxy", async () => {
  const open = (trusts: boolean) =>
    openTestGateway({ requestsPerMinuteMax: 1, trustedProxies: readTrustedProxies(trusts ? "127.0.0.0/8" : "") });
  const ask = (from: string) => gateway?.fetch("/products/101", { headers: { "x-forwarded-for": from } });
  gateway = await open(false);
  expect((await ask("10.0.0.1"))?.status).toBe(200);
  expect((await ask("10.0.0.2"))?.status).toBe(429);
  await gateway.server.close();
  gateway = await open(true);
  expect((await ask("10.0.0.1"))?.status).toBe(200);
  // The caller's own claim comes before the proxy's entry.
  expect((await ask("9.9.9.9, 10.0.0.1"))?.status).toBe(429);
  expect((await ask("10.0.0.2"))?.status).toBe(200);
});

test("the service receives the origin address, not an address invented by the caller", async () => {
  const url = "/product.v1.ProductService/GetProduct";
  const ask = async (trusts: boolean, path: string) => {
    await gateway?.server.close();
    gateway = await openTestGateway({ trustedProxies: readTrustedProxies(trusts ? "true" : "") });
    const headers = { "x-forwarded-for": "9.9.9.9, 10.0.0.7", "content-type": "application/json" };
    await gateway.fetch(path, path === url ? { method: "POST", body: '{"productId":"101"}', headers } : { headers });
    return gateway.platform.headers[0]?.get("x-forwarded-for");
  };
  expect(await ask(false, url)).toBe("127.0.0.1");
  expect(await ask(false, "/products/101")).toBe("127.0.0.1");
  expect(await ask(true, url)).toBe("10.0.0.7");
  expect(await ask(true, "/products/101")).toBe("10.0.0.7");
});

test("a window ends", async () => {
  const clock = createTestClock();
  const limit = createRateLimit({ clock, requestsPerMinuteMax: 2 });
  expect([limit.take("a"), limit.take("a"), limit.take("b")]).toEqual([undefined, undefined, undefined]);
  expect(limit.take("a")?.code).toBe(Code.ResourceExhausted);
  await clock.advance(60_000);
  expect(limit.take("a")).toBeUndefined();
});

test("0 disables the limit", () => {
  const limit = createRateLimit({ clock: createTestClock(), requestsPerMinuteMax: 0 });
  expect(Array.from({ length: 1000 }, () => limit.take("a")).every((error) => error === undefined)).toBe(true);
});

test("the memory use is bounded for any number of callers", () => {
  const rate = new CallerRate({ clock: createTestClock(), windowMs: 60_000 });
  rate.count("first");
  for (let index = 0; index < 50_000; index++) {
    rate.count(`caller ${index}`);
  }
  // The least recently seen caller is evicted; the counts of the others continue.
  expect(rate.count("first").current).toBe(1);
  expect(rate.count("caller 49999").current).toBe(2);
});
