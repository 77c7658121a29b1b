import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { readTrustedProxies } from "@parley/rpc/server";
import { createTestClock } from "@parley/rpc/testing";
import { afterEach, expect, test } from "vitest";
import { openTestDoor, type TestDoor } from "../testing/fake-platform.ts";
import { CallerRate } from "./caller-rate.ts";
import { createRateLimit } from "./rate-limit.ts";

let door: TestDoor | undefined;
afterEach(() => door?.server.close());

test("a caller who asks too often is told to wait, by REST and by RPC together", async () => {
  door = await openTestDoor({ requestsPerMinuteMax: 3 });
  const client = createClient(
    ProductService,
    createConnectTransport({ baseUrl: door.server.url.replace("127.0.0.1", "127.0.0.1"), httpVersion: "1.1" }),
  );
  expect((await door.fetch("/products/101")).status).toBe(200);
  await client.getProduct({ productId: "101" });
  expect((await door.fetch("/products/101")).status).toBe(200);
  const refused = await door.fetch("/products/101");
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
  expect((await door.fetch("/health")).status).toBe(200);
});

test("a proxy's word on who calls counts only where it is trusted", async () => {
  const open = (trusts: boolean) =>
    openTestDoor({ requestsPerMinuteMax: 1, trustedProxies: readTrustedProxies(trusts ? "127.0.0.0/8" : "") });
  const ask = (from: string) => door?.fetch("/products/101", { headers: { "x-forwarded-for": from } });
  door = await open(false);
  expect((await ask("10.0.0.1"))?.status).toBe(200);
  expect((await ask("10.0.0.2"))?.status).toBe(429);
  await door.server.close();
  door = await open(true);
  expect((await ask("10.0.0.1"))?.status).toBe(200);
  // What the caller itself claims stands before what the proxy saw.
  expect((await ask("9.9.9.9, 10.0.0.1"))?.status).toBe(429);
  expect((await ask("10.0.0.2"))?.status).toBe(200);
});

test("the service is told where a call comes from, and nothing that the caller made up", async () => {
  const url = "/product.v1.ProductService/GetProduct";
  const ask = async (trusts: boolean, path: string) => {
    await door?.server.close();
    door = await openTestDoor({ trustedProxies: readTrustedProxies(trusts ? "true" : "") });
    const headers = { "x-forwarded-for": "9.9.9.9, 10.0.0.7", "content-type": "application/json" };
    await door.fetch(path, path === url ? { method: "POST", body: '{"productId":"101"}', headers } : { headers });
    return door.platform.headers[0]?.get("x-forwarded-for");
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

test("no limit is no limit", () => {
  const limit = createRateLimit({ clock: createTestClock(), requestsPerMinuteMax: 0 });
  expect(Array.from({ length: 1000 }, () => limit.take("a")).every((error) => error === undefined)).toBe(true);
});

test("callers without number do not fill the memory", () => {
  const rate = new CallerRate(createTestClock(), 60_000);
  rate.count("first");
  for (let index = 0; index < 50_000; index++) {
    rate.count(`caller ${index}`);
  }
  // The one seen longest ago is forgotten; the others are counted on.
  expect(rate.count("first").current).toBe(1);
  expect(rate.count("caller 49999").current).toBe(2);
});
