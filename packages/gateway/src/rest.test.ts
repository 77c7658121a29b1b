import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestGateway, posted, type TestGateway } from "./testing/fake-platform.ts";

let gateway: TestGateway;

beforeAll(async () => {
  // Nothing listens on port 1: a service that is down.
  gateway = await openTestGateway({ backends: { notification: "http://127.0.0.1:1" } });
});

afterAll(() => gateway.server.close());

async function json(path: string, init?: RequestInit) {
  const response = await gateway.fetch(path, init);
  return { response, body: (await response.json()) as Record<string, unknown> };
}

describe("a REST request", () => {
  test("is answered by the service that the contract names", async () => {
    const { response, body } = await json("/products/101");
    expect(response.status).toBe(200);
    expect(body).toMatchObject({ product: { id: "101", name: "Laptop", stock: 50 } });
  });

  test("becomes a call with path, query and body in their fields", async () => {
    const order = { userId: "1", items: [{ productId: "101", quantity: 2 }] };
    expect((await json("/orders", posted(order))).body).toMatchObject({ order: { id: "o1", userId: "1" } });
    expect(gateway.platform.orders.at(-1)).toMatchObject(order);
    const { body } = await json("/products/101/stock", posted({ stock: 50 }, "PUT"));
    expect(body).toMatchObject({ product: { id: "101", stock: 50 } });
  });

  test("passes on its request id and trace, and returns the id in the response", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = {
      "x-request-id": "req-7",
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
      authorization: "Bearer t",
    };
    const response = await gateway.fetch("/products/102", { headers });
    expect(response.headers.get("x-request-id")).toBe("req-7");
    const seen = gateway.platform.headers.at(-1);
    expect(seen?.get("x-request-id")).toBe("req-7");
    expect(seen?.get("traceparent")).toContain(trace);
    expect(seen?.get("authorization")).toBe("Bearer t");
  });

  test("gets a new request id if it has none, or an invalid one", async () => {
    const own = (await gateway.fetch("/products/102")).headers.get("x-request-id");
    const replaced = await gateway.fetch("/products/102", { headers: { "x-request-id": "a b" } });
    expect(own).toMatch(/^[0-9a-f-]{36}$/);
    expect(replaced.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("for a cached answer is 304", async () => {
    const etag = (await gateway.fetch("/products/101")).headers.get("etag") ?? "";
    const again = await gateway.fetch("/products/101", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    await gateway.fetch("/products/101/stock", posted({ delta: -1 }, "PUT"));
    const changed = await gateway.fetch("/products/101", { headers: { "if-none-match": etag } });
    expect(changed.status).toBe(200);
  });

  test("is ended by its own deadline", async () => {
    const held = Promise.withResolvers<void>();
    gateway.platform.hold = held.promise;
    const { response, body } = await json("/products/103", { headers: { "x-server-timeout": "0.2" } });
    held.resolve();
    gateway.platform.hold = Promise.resolve();
    expect(response.status).toBe(504);
    expect(body).toMatchObject({ error: { code: 504, status: "DEADLINE_EXCEEDED" } });
  });
});

describe("an error over REST has Google's form", () => {
  test.each([
    ["an error of the service", "/products/999", undefined, 404, "NOT_FOUND", "PRODUCT_NOT_FOUND"],
    ["no such path", "/nowhere", undefined, 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["no such method", "/products/101", { method: "PUT" }, 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"],
    ["the method QUERY", "/products/101", { method: "QUERY" }, 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"],
    ["the method PROPFIND", "/products/101", { method: "PROPFIND" }, 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"],
    ["invalid JSON", "/orders", { ...posted(1), body: "{" }, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    ["another media type", "/orders", { method: "POST", body: "a" }, 415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE"],
    ["a body of 2 MiB", "/orders", posted("x".repeat(2 ** 21)), 413, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"],
    [
      "a field against its rules",
      "/orders",
      posted({ items: Array(101).fill({ productId: "1", quantity: 1 }) }),
      400,
      "INVALID_ARGUMENT",
      "INVALID_REQUEST",
    ],
    ["an unknown parameter", "/products?nothing=1", undefined, 400, "INVALID_ARGUMENT", "UNKNOWN_PARAMETER"],
    ["an unknown RPC service", "/order.v1.Nothing", undefined, 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
  ])("%s", async (_what, path, init, status, name, reason) => {
    const { response, body } = await json(path, init);
    expect(response.status).toBe(status);
    expect(body).toMatchObject({ error: { code: status, status: name } });
    expect((body.error as { details: { reason: string }[] }).details[0]?.reason).toBe(reason);
  });

  test("a service that is down is 503 with a retry delay, at once, without its address", async () => {
    for (let round = 0; round < 8; round++) {
      const beganMs = performance.now();
      const { response, body } = await json("/notifications");
      expect(response.status).toBe(503);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONN/);
      expect(JSON.stringify(body)).toContain("notification.v1.NotificationService");
      expect(performance.now() - beganMs).toBeLessThan(3_000);
    }
  });

  test("an internal error of a service has no details", async () => {
    gateway.platform.failure = new Error("SELECT secret FROM users");
    const { response, body } = await json("/products/104");
    gateway.platform.failure = undefined;
    expect(response.status).toBe(500);
    expect(JSON.stringify(body)).not.toContain("secret");
    expect(body).toMatchObject({
      error: { message: expect.stringMatching(/^Internal error\./), details: [{ reason: "INTERNAL" }, {}] },
    });
  });
});

describe("a stream over REST", () => {
  test("is sent as server-sent events that can be resumed, and ends behind the gateway when the client disconnects", async () => {
    const disconnect = new AbortController();
    const headers = { accept: "text/event-stream", "last-event-id": "p3" };
    const response = await gateway.fetch("/stock:watch?product_ids=7", { headers, signal: disconnect.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(gateway.platform.streams).toContain("p3/7");
    gateway.platform.announceStock({ productId: "7", stock: 3, position: "p4" });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("data:")) {
      text += (await reader?.read())?.value ?? "";
    }
    expect(text).toContain("id: p4\n");
    expect(text).toContain('"stock":3');
    disconnect.abort();
    await expect.poll(() => [...gateway.platform.streams]).not.toContain("p3/7");
  });

  test.each(["TEXT/EVENT-STREAM", "text/event-stream; charset=utf-8", "application/json;q=0.2, Text/*"])(
    "is sent as server-sent events for accept: %s",
    async (accept) => {
      const disconnect = new AbortController();
      const response = await gateway.fetch("/stock:watch", { headers: { accept }, signal: disconnect.signal });
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      disconnect.abort();
    },
  );

  test("is sent as a line for each message by default", async () => {
    const disconnect = new AbortController();
    const response = await gateway.fetch("/stock:watch?after_position=q", { signal: disconnect.signal });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    gateway.platform.announceStock({ productId: "8", position: "q1" });
    const { value } = (await response.body?.getReader().read()) ?? {};
    expect(JSON.parse(new TextDecoder().decode(value))).toMatchObject({ productId: "8", position: "q1" });
    disconnect.abort();
  });
});
