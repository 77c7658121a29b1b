import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { systemEnvironment } from "@parley/rpc";
import { serve } from "@parley/rpc/server";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakePlatform, openTestGateway, type TestGateway } from "./testing/fake-platform.ts";

let gateway: TestGateway;

beforeAll(async () => {
  const unreachable = "http://127.0.0.1:1";
  gateway = await openTestGateway({
    backends: { notification: unreachable, "echo-a": unreachable, "echo-b": unreachable },
  });
});

afterAll(() => gateway.server.close());

test("health is 200 and names degraded services, and 503 only while the gateway itself drains", async () => {
  const environment = systemEnvironment({ name: "order", logLevel: "silent" });
  const order = await serve(fakePlatform().order, { name: "order", environment, config: { drainNoticeMs: 1 } });
  const asked = await openTestGateway({ backends: { order: order.url, notification: "http://127.0.0.1:1" } });
  const response = await asked.fetch("/health");
  expect(response.status).toBe(200);
  // The fakes in memory do not implement health.
  const services = { user: "NOT_SERVING", product: "NOT_SERVING", order: "SERVING", notification: "UNREACHABLE" };
  const degraded = ["user", "product", "notification"];
  expect(await response.json()).toEqual({ status: "DEGRADED", degraded, services });
  await order.close();
  await expect
    .poll(async () => (await asked.fetch("/health")).json(), { timeout: 5_000 })
    .toEqual({
      status: "DEGRADED",
      degraded: ["user", "product", "order", "notification"],
      services: { ...services, order: "UNREACHABLE" },
    });
  expect((await asked.fetch("/health")).status).toBe(200);
  await asked.server.close();
});

test("the description of the API is valid OpenAPI, and names only existing services", async () => {
  const response = await gateway.fetch("/openapi.json");
  const document = (await response.json()) as { paths: Record<string, Record<string, { operationId: string }>> };
  expect((await new Validator().validate(structuredClone(document))).valid).toBe(true);
  const get = (path: string, method: string) => document.paths[path]?.[method]?.operationId;
  expect(get("/orders/{order_id}:cancel", "post")).toBe("OrderService_CancelOrder");
  expect(get("/users/{user_id}/orders", "get")).toBe("OrderService_ListOrders_2");
  expect(get("/notifications/test", "post")).toBe("NotificationService_SendTestNotification");
  expect(get("/call-echo", "get")).toBe("CallEchoService_CallEcho");
  expect(JSON.stringify(document)).toContain("Places an order and answers when it is confirmed");
});

test("the API page loads files of its own origin only", async () => {
  const page = await (await gateway.fetch("/docs")).text();
  const loaded = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
  expect(loaded.length).toBeGreaterThanOrEqual(4);
  for (const path of loaded) {
    expect(path).toMatch(/^docs\//);
    expect((await gateway.fetch(`/${path}`)).status).toBe(200);
  }
  expect((await gateway.fetch("/docs/package.json")).status).toBe(404);
  expect(await statusOf("/docs/../package.json")).toBe(404);
});

describe("the guides", () => {
  const open = (path: string, accept: string) => gateway.fetch(path, { headers: { accept } });

  test.each([
    ["/docs/errors.md", "user_not_found"],
    ["/docs/errors.md", "who-may-call"],
    ["/docs/runbooks.md", "parleyprocessdown"],
    ["/docs/decisions/order-flow.md", ""],
  ])("%s is a page with the anchor %j for browsers, and Markdown for everything else", async (path, anchor) => {
    const page = await open(path, "text/html,application/xhtml+xml");
    expect([page.status, page.headers.get("content-type"), page.headers.get("vary")]).toEqual([
      200,
      "text/html; charset=utf-8",
      "accept",
    ]);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(await page.text()).toContain(anchor === "" ? "<h1 " : `id="${anchor}"`);
    const text = await open(path, "*/*");
    expect(text.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
    expect(await text.text()).toMatch(/^# /);
  });

  test.each([
    "/docs/nothing.md",
    "/docs/images",
    "/docs/..%2Fpackage.json",
    "/docs/..%2FREADME.md",
    "/docs/decisions/..%2Ferrors.md",
  ])("%s is not found", async (path) => {
    expect(await statusOf(path)).toBe(404);
  });
});

test("the API page and its description work behind a proxy with a path prefix", async () => {
  const proxy = createServer((request, response) => {
    // As nginx does with `location /shop/ { proxy_pass http://gateway/; }`.
    const path = request.url?.replace(/^\/shop(?=\/)/, "");
    const passed = get({ port: gateway.server.port, path, headers: { accept: "*/*" } }, (answer) => {
      response.writeHead(path === request.url ? 404 : (answer.statusCode ?? 502), answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  // A browser resolves each of these against the page, and the document's server against the document.
  for (const page of [`${base}/shop/docs`, `${base}/shop/docs/`]) {
    const response = await fetch(page);
    expect([response.status, response.url]).toEqual([200, `${base}/shop/docs`]);
    const html = await response.text();
    for (const [, path = ""] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await fetch(new URL(path, response.url))).status, path).toBe(200);
    }
    const script = await (await fetch(new URL("docs/start.js", response.url))).text();
    const description = await fetch(new URL(/url: "([^"]+)"/.exec(script)?.[1] ?? "", response.url));
    const { servers } = (await description.json()) as { servers: { url: string }[] };
    expect(new URL(servers[0]?.url ?? "", description.url).href).toBe(`${base}/shop/`);
  }
  await new Promise((resolve) => proxy.close(resolve));
});

describe("the description of the API requires a token", () => {
  const security = async (signIn: boolean) => {
    const asked = await openTestGateway({ signIn });
    const document = (await (await asked.fetch("/openapi.json")).json()) as {
      paths: Record<string, Record<string, unknown>>;
      components: object;
    };
    await asked.server.close();
    return { document, order: document.paths["/orders"]?.post as { security?: unknown; responses: object } };
  };

  test("if callers must sign in", async () => {
    const { document, order } = await security(true);
    expect(order.security).toEqual([{ bearer: [] }]);
    expect(order.responses).toHaveProperty("401");
    expect(document.components).toHaveProperty("securitySchemes.bearer");
  });

  test("but not if sign-in is off", async () => {
    const { document, order } = await security(false);
    expect(JSON.stringify(document)).not.toMatch(/"security"|"securitySchemes"|"bearer"/);
    expect(order.responses).not.toHaveProperty("401");
    expect(order.responses).not.toHaveProperty("403");
  });
});

/** Without the path normalisation of `fetch`. */
function statusOf(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port: gateway.server.port, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}

describe("a page of another origin on this machine", () => {
  const origin = "http://localhost:3000";

  test("may send a preflight", async () => {
    const headers = {
      origin,
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "authorization",
    };
    const response = await gateway.fetch("/products/101", { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("vary")).toContain("Origin");
    expect(response.headers.get("access-control-allow-methods")).toContain("PATCH");
    expect(response.headers.get("access-control-allow-headers")).toContain("authorization");
  });

  test.each([
    ["REST", "/products/101", {}],
    ["Connect", "/product.v1.ProductService/GetProduct", { method: "POST", body: '{"productId":"101"}' }],
    ["an error by Connect", "/product.v1.ProductService/GetProduct", { method: "POST", body: '{"productId":"0"}' }],
    ["an error by REST", "/products/0", {}],
  ])("may read the response by %s", async (_what, path, init) => {
    const headers = { origin, "content-type": "application/json" };
    const response = await gateway.fetch(path, { ...init, headers });
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("vary")).toContain("Origin");
    expect(response.headers.get("access-control-expose-headers")).toContain("x-request-id");
  });

  test("may read no response from another machine", async () => {
    const response = await gateway.fetch("/products/101", { headers: { origin: "https://evil.example" } });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("may read no response if CORS_ORIGINS names only other origins", async () => {
    const strict = await openTestGateway({ corsOrigins: ["https://console.example"] });
    const ask = (from: string) => strict.fetch("/products/101", { headers: { origin: from } });
    expect((await ask(origin)).headers.get("access-control-allow-origin")).toBeNull();
    expect((await ask("https://console.example")).headers.get("access-control-allow-origin")).toBe(
      "https://console.example",
    );
    await strict.server.close();
  });
});

test("OPTIONS without Origin names the methods of a path", async () => {
  const response = await gateway.fetch("/products/101", { method: "OPTIONS" });
  expect([response.status, response.headers.get("allow")]).toEqual([204, "DELETE, GET, PATCH, HEAD, OPTIONS"]);
  expect((await gateway.fetch("/nowhere", { method: "OPTIONS" })).status).toBe(404);
});

test.each([
  ["data", "/products/101", "default-src 'none'; frame-ancestors 'none'"],
  ["an error", "/nowhere", "default-src 'none'; frame-ancestors 'none'"],
  ["the page", "/docs", "default-src 'self'"],
])("%s has the security headers, and none that reveal the software", async (_what, path, policy) => {
  const { headers } = await gateway.fetch(path);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toContain(policy);
  expect(headers.get("content-security-policy")).not.toContain("upgrade-insecure-requests");
  expect(headers.get("x-powered-by")).toBeNull();
  expect(headers.get("server")).toBeNull();
});

test("headers beyond the limit are refused", async () => {
  const response = await gateway.fetch("/products/101", { headers: { "x-long": "a".repeat(20_000) } });
  expect(response.status).toBe(431);
});

test("a REST call in flight is answered while the gateway drains, and a stream is ended", async () => {
  const closing = await openTestGateway();
  const held = Promise.withResolvers<void>();
  closing.platform.hold = held.promise;
  const call = closing.fetch("/products/101");
  await expect.poll(() => closing.platform.calls).toContain("GetProduct 101");
  const stream = await closing.fetch("/stock:watch", { headers: { accept: "text/event-stream" } });
  const closed = closing.server.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  held.resolve();
  expect((await call).status).toBe(200);
  expect(await stream.text()).toMatch(/event: error\ndata: \{"error":\{"code":503/);
  await closed;
});
