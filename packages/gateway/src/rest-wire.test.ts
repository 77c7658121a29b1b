import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestGateway, type TestGateway } from "./testing/fake-platform.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await openTestGateway();
});

afterAll(() => gateway.server.close());

interface Sent {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function overHttp1({ path, method = "GET", headers = {}, body }: Sent): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: gateway.server.port, path, method, headers }, async (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: await text(response) });
    });
    sent.on("error", reject).end(body);
  });
}

async function overHttp2({ path, method = "GET", headers = {}, body }: Sent): Promise<Got> {
  const session = connectHttp2(gateway.server.url);
  try {
    const request = { ":method": method, ":path": path, ...headers };
    const stream = session.request(request, { endStream: body === undefined });
    let answered: Record<string, unknown> = {};
    stream.on("response", (fields) => {
      answered = fields;
    });
    stream.on("error", () => {});
    stream.end(body);
    const content = await text(stream);
    return { status: Number(answered[":status"]), headers: answered, body: content };
  } finally {
    session.destroy();
  }
}

const json = { "content-type": "application/json" };

describe.each([
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
])("over %s", (version, send) => {
  test.each<[string, Sent, number, string | undefined]>([
    ["a read", { path: "/products/101" }, 200, undefined],
    [
      "bytes that are not UTF-8",
      { path: "/orders", method: "POST", headers: json, body: Buffer.from([0xff, 0xfe, 0]) },
      400,
      "INVALID_REQUEST",
    ],
    [
      "JSON that ends too soon",
      { path: "/orders", method: "POST", headers: json, body: '{"items":[' },
      400,
      "INVALID_REQUEST",
    ],
    [
      "JSON that is nested 50,000 deep",
      { path: "/orders", method: "POST", headers: json, body: `{"items":${"[".repeat(50_000)}` },
      400,
      "INVALID_REQUEST",
    ],
    ["null", { path: "/orders", method: "POST", headers: json, body: "null" }, 400, "INVALID_REQUEST"],
    [
      "a body of 8 MiB",
      { path: "/orders", method: "POST", headers: json, body: Buffer.alloc(2 ** 23) },
      413,
      "MESSAGE_TOO_LARGE",
    ],
    ["a path of 10,000 characters", { path: `/products/${"a".repeat(10_000)}` }, 400, "INVALID_REQUEST"],
    ["a path that is not UTF-8", { path: "/products/%ff" }, 400, "MALFORMED_PATH"],
    ["no such path", { path: "/products/101/" }, 404, "ROUTE_NOT_FOUND"],
    ["a path out of the tree", { path: "/products/../../etc/passwd" }, 404, "ROUTE_NOT_FOUND"],
    ["a method that a path does not support", { path: "/products/101", method: "PUT" }, 405, "METHOD_NOT_ALLOWED"],
  ])("%s", async (_what, sent, status, reason) => {
    const { headers, ...got } = await send(sent);
    expect(got.status, got.body).toBe(status);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    const { error } = JSON.parse(got.body) as { error?: { code: number; details: { reason: string }[] } };
    expect(error?.code).toBe(status === 200 ? undefined : status);
    expect(error?.details[0]?.reason).toBe(reason);
  });

  test("a body that a path does not accept is refused, whether or not the headers announce it", async () => {
    // Over HTTP/2 no header has to announce it (RFC 9113, section 8.1).
    const announced = [{ "content-length": "3" }, version === "HTTP/1.1" ? { "transfer-encoding": "chunked" } : {}];
    for (const headers of announced) {
      const got = await send({ path: "/products/101", headers: { ...json, ...headers }, body: "{ }" });
      expect([got.status, got.body]).toEqual([
        400,
        expect.stringContaining("GET /products/{product_id} takes no body"),
      ]);
    }
    const none = await send({ path: "/products/101", headers: { ...json, "content-length": "0" }, body: "" });
    expect(none.status).toBe(200);
  });

  test("HEAD is GET without the body, and an unchanged resource is 304", async () => {
    const got = await send({ path: "/products/101" });
    const head = await send({ path: "/products/101", method: "HEAD" });
    expect([head.status, head.body, head.headers.etag]).toEqual([200, "", got.headers.etag]);
    const again = await send({ path: "/products/101", headers: { "if-none-match": String(got.headers.etag) } });
    expect([again.status, again.body, again.headers["content-type"]]).toEqual([304, "", undefined]);
  });

  test.each<[string, Sent, number]>([
    ["a target in absolute-form", { path: "http://shop.example/products/101" }, 200],
    ["a target in absolute-form with a query", { path: "http://shop.example:8080/products/101?x=1" }, 400],
    ["a target in absolute-form with an unknown path", { path: "http://shop.example/nowhere" }, 404],
  ])("%s", async (_what, sent, status) => {
    // Over HTTP/2 the scheme and the authority have fields of their own (RFC 9113, section 8.3.1).
    if (version === "HTTP/1.1") {
      expect((await send(sent)).status).toBe(status);
    }
  });

  test.each([
    ["gzip", 415],
    ["GZIP", 415],
    ["br", 415],
    ["identity", 400],
  ])("a body in the coding %s is %i", async (coding, status) => {
    const headers = { ...json, "content-encoding": coding };
    const got = await send({ path: "/orders", method: "POST", headers, body: gzipSync("{}") });
    expect([got.status, got.headers["accept-encoding"]]).toEqual([status, status === 415 ? "identity" : undefined]);
  });

  test("the gateway answers further requests after each of these", async () => {
    expect((await send({ path: "/products/101" })).status).toBe(200);
  });
});

describe("invalid requests", () => {
  /** The response until the gateway closes the connection. */
  function raw(bytes: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(gateway.server.port, "127.0.0.1", () => socket.write(bytes));
      let answer = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => {
        answer += chunk;
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(answer));
    });
  }

  test.each([
    ["garbage", "GARBAGE\r\n\r\n"],
    ["an unknown HTTP/1.1 method", "BREW /products/101 HTTP/1.1\r\nhost: a\r\n\r\n"],
    [
      "both Content-Length and Transfer-Encoding",
      "POST /orders HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "two Content-Length fields",
      "POST /orders HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    ],
    ["no Host field", "GET /products/101 HTTP/1.1\r\n\r\n"],
  ])("%s gets 400, and its connection is closed", async (_what, bytes) => {
    expect(await raw(bytes)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("a request line beyond the limit gets 431, and its connection is closed", async () => {
    expect(await raw(`GET /${"a".repeat(70_000)} HTTP/1.1\r\nhost: a\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });
});
