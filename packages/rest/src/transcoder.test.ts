import { create, type DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { HttpRuleError, methodBindings } from "@parley/contract";
import { methodWithRule } from "@parley/contract/testing";
import { DebugInfoSchema, ErrorInfoSchema, RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { describe, expect, test } from "vitest";
import { httpStatusOf, statusNameOf } from "./response/http-status.ts";
import { jsonOf, testLibrary } from "./testing/library.ts";

const schemas = testLibrary().service;

function output(method: string, fields: object): unknown {
  const schema = schemas.methods.find(({ name }) => name === method)?.output as DescMessage;
  return create(schema, fields as never);
}

describe("the response", () => {
  test("is the message in ProtoJSON, with zero values", async () => {
    const library = testLibrary(() => output("GetBook", { name: "n", pages: 2n ** 60n }));
    const response = await library.ask("GET /v1/books/1");
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("application/json");
    expect(jsonOf(response)).toEqual({ name: "n", title: "", pages: "1152921504606846976", tags: [] });
  });

  test("omits zero values if configured", async () => {
    const library = testLibrary(() => output("GetBook", { name: "n" }), { alwaysEmitImplicit: false });
    expect(jsonOf(await library.ask("GET /v1/books/1"))).toEqual({ name: "n" });
  });

  test("is one field if response_body names it", async () => {
    const titles = testLibrary(({ method }) => method === "ListTitles" && output("ListTitles", { titles: ["a"] }));
    expect(jsonOf(await titles.ask("GET /v1/titles"))).toEqual(["a"]);
    const empty = testLibrary(() => output("ListTitles", {}));
    expect(jsonOf(await empty.ask("GET /v1/titles"))).toEqual([]);
    const put = testLibrary(() => output("PutTags", {}));
    expect(jsonOf(await put.ask("PUT /v1/books/1/tags", { body: "[]" }))).toEqual({});
  });

  test("has no body for HEAD, and lists a path's methods for OPTIONS", async () => {
    const library = testLibrary(() => output("GetBook", { name: "n" }));
    const head = await library.ask("HEAD /v1/books/1");
    expect([head.status, head.body, head.headers["content-type"]]).toEqual([200, "", "application/json"]);
    expect(library.calls).toHaveLength(1);
    const missing = await library.ask("HEAD /nowhere");
    expect([missing.status, missing.body]).toEqual([404, ""]);
    const methods = await library.ask("OPTIONS /v1/shelves/1");
    expect([methods.status, methods.headers.allow]).toEqual([204, "GET, PURGE, HEAD, OPTIONS"]);
    expect(library.calls).toHaveLength(1);
  });

  test("is 304 if the client already has the same content", async () => {
    let title = "a";
    const library = testLibrary(() => output("GetBook", { title }));
    const first = await library.ask("GET /v1/books/1");
    const etag = first.headers.etag ?? "";
    expect(etag).toMatch(/^W\/"[^"]+"$/);
    for (const ifNoneMatch of [etag, `"x", ${etag}`, etag.slice(2), "*"]) {
      const again = await library.ask("GET /v1/books/1", { headers: { "if-none-match": ifNoneMatch } });
      expect([again.status, again.body, again.headers.etag]).toEqual([304, "", etag]);
    }
    title = "b";
    const changed = await library.ask("GET /v1/books/1", { headers: { "if-none-match": etag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
  });
});

describe("the request target", () => {
  test.each([
    ["GET /v1/books/1?", 200],
    ["GET http://shop.example/v1/books/1", 200],
    ["GET https://shop.example:8443/v1/books/1", 200],
    ["GET HTTP://user@shop.example/v1/books/1", 200],
    ["GET http://[::1]:80/v1/search?text=a", 200],
    ["GET http://shop.example", 404],
    ["GET http://shop.example?text=a", 404],
    ["GET http:///v1/books/1", 404],
    ["GET ftp://shop.example/v1/books/1", 404],
    ["GET v1/books/1", 404],
    ["GET *", 404],
  ])("%s is %i", async (request, status) => {
    const { ask, transcoder } = testLibrary();
    expect((await ask(request)).status).toBe(status);
    expect(transcoder.serves("GET", request.slice(4))).toBe(status === 200);
  });
});

describe("a body that is not plain JSON is refused with 415", () => {
  const move = "POST /v1/shelves/1/books/2:move";
  test.each([
    ["content-encoding", "gzip", 415],
    ["content-encoding", "GZIP", 415],
    ["content-encoding", "br", 415],
    ["content-encoding", "identity, gzip", 415],
    ["content-encoding", "identity", 200],
    ["content-encoding", "Identity", 200],
    ["content-encoding", "", 200],
    ["content-type", "application/json", 200],
    ["content-type", "APPLICATION/JSON", 200],
    ["content-type", 'application/json; charset="utf-8"', 200],
    ["content-type", "application/json ; charset=UTF-8", 200],
    ["content-type", "application/json;charset=utf-8;v=1", 200],
    ["content-type", "application/vnd.api+json;profile=x", 200],
    ["content-type", "application/json; charset=latin1", 415],
    ["content-type", "application/json; charset", 415],
    ["content-type", "application/jsonp", 415],
    ["content-type", "text/plain", 415],
    ["content-type", "", 415],
  ])("%s: %s is %i", async (name, value, status) => {
    const library = testLibrary();
    const response = await library.ask(move, { body: "{}", headers: { [name]: value } });
    expect(response.status).toBe(status);
    if (name === "content-encoding" && status === 415) {
      expect(response.headers["accept-encoding"]).toBe("identity");
    }
  });
});

describe("the call", () => {
  test("carries the forwarded headers, and no others", async () => {
    const library = testLibrary();
    await library.ask("GET /v1/books/1", {
      headers: { authorization: "Bearer t", "x-request-id": "r", traceparent: "00-a-b-01", cookie: "secret" },
    });
    expect([...new Headers(library.calls[0]?.options.headers)]).toEqual([
      ["authorization", "Bearer t"],
      ["traceparent", "00-a-b-01"],
      ["x-request-id", "r"],
    ]);
  });

  test.each([
    ["1.5", 1500],
    ["0.0001", 1],
    ["30", 30_000],
    ["2592000", 30 * 86_400_000],
    ["999999999", 999_999_999_000],
    [undefined, undefined],
  ])("converts x-server-timeout %s to %s ms", async (seconds, timeoutMs) => {
    const library = testLibrary();
    await library.ask("GET /v1/books/1", seconds === undefined ? {} : { headers: { "x-server-timeout": seconds } });
    expect(library.calls[0]?.options.timeoutMs).toBe(timeoutMs);
  });

  test.each(["", "0", "-1", "1s", "NaN", "1e3", "1.", "1.0000000001", "9999999999"])(
    "refuses x-server-timeout %j",
    async (seconds) => {
      const response = await testLibrary().ask("GET /v1/books/1", { headers: { "x-server-timeout": seconds } });
      expect(response.status).toBe(400);
    },
  );

  test("is cancelled when the client disconnects", async () => {
    const left = new AbortController();
    const library = testLibrary();
    await library.ask("GET /v1/books/1", { signal: left.signal });
    left.abort();
    expect(library.calls[0]?.options.signal?.aborted).toBe(true);
  });
});

describe("an error", () => {
  const codes = Object.values(Code).filter((code): code is Code => typeof code === "number");

  test.each(codes.map((code) => [statusNameOf(code), code] as const))("%s has its HTTP status", async (name, code) => {
    const library = testLibrary(() => new ConnectError("words", code));
    const response = await library.ask("GET /v1/books/1");
    expect(response.status).toBe(httpStatusOf(code));
    expect(jsonOf(response)).toEqual({ error: { code: response.status, status: name, message: "words" } });
  });

  test("has its details, Retry-After and Google's error format, but no debug information", async () => {
    const details = [
      { desc: ErrorInfoSchema, value: { reason: "R", domain: "d", metadata: { a: "b" } } },
      { desc: RetryInfoSchema, value: { retryDelay: { seconds: 1n, nanos: 1 } } },
      { desc: DebugInfoSchema, value: { stackEntries: ["secret"] } },
    ];
    const library = testLibrary(() => new ConnectError("wait", Code.Unavailable, undefined, details));
    const response = await library.ask("GET /v1/books/1");
    expect(response.headers["retry-after"]).toBe("2");
    expect(jsonOf(response)).toEqual({
      error: {
        code: 503,
        status: "UNAVAILABLE",
        message: "wait",
        details: [
          { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "R", domain: "d", metadata: { a: "b" } },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.000000001s" },
        ],
      },
    });
  });

  test("without details for the caller reveals nothing", async () => {
    const library = testLibrary(() => new TypeError("SELECT secret FROM users"));
    const response = await library.ask("GET /v1/books/1");
    expect(response.status).toBe(500);
    expect(response.body).not.toContain("secret");
  });

  test.each([
    ["GET /nowhere", {}, 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["DELETE /v1/books/1", {}, 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"],
    ["POST /v1/shelves/1/books/2:move", { body: "{" }, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    [
      "POST /v1/shelves/1/books/2:move",
      { body: new Uint8Array([0x22, 0xff, 0x22]) },
      400,
      "INVALID_ARGUMENT",
      "INVALID_REQUEST",
    ],
    ["POST /v1/shelves/1/books/2:move", { body: "[".repeat(100_000) }, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    [
      "POST /v1/shelves/1/books/2:move",
      { body: "a=b", headers: { "content-type": "text/plain" } },
      415,
      "INVALID_ARGUMENT",
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    [
      "POST /v1/shelves/1/books/2:move",
      { body: "{}", headers: { "content-type": "application/json; charset=latin1" } },
      415,
      "INVALID_ARGUMENT",
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    ["POST /v1/shelves/1/books/2:move", { body: " ".repeat(101) }, 413, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"],
    ["GET /v1/books/%FF", {}, 400, "INVALID_ARGUMENT", "MALFORMED_PATH"],
  ])("%s %o is %i", async (request, more, status, name, reason) => {
    const library = testLibrary(undefined, { bodyLengthMax: "body" in more && more.body.length > 1000 ? 1e6 : 100 });
    const response = await library.ask(request, more);
    const { error } = jsonOf(response) as { error: { code: number; status: string; details: { reason: string }[] } };
    expect([response.status, error.code, error.status, error.details[0]?.reason]).toEqual([
      status,
      status,
      name,
      reason,
    ]);
    expect(library.calls).toEqual([]);
  });

  test("of a wrong method lists the allowed ones", async () => {
    const response = await testLibrary().ask("DELETE /v1/shelves/1");
    expect(response.headers.allow).toBe("GET, PURGE, HEAD, OPTIONS");
  });

  test.each([
    "application/json",
    "application/json; charset=utf-8",
    'application/JSON;charset="UTF-8"',
    "application/merge-patch+json",
  ])("is not parsed from the content type %s", async (contentType) => {
    const more = { body: "{}", headers: { "content-type": contentType } };
    expect((await testLibrary().ask("POST /v1/shelves/1/books/2:move", more)).status).toBe(200);
  });
});

describe("an invalid http rule is refused at startup", () => {
  test.each([
    ["GetBook", { pattern: { case: "get", value: "/v1/{nothing}" } }, "no field nothing"],
    ["GetBook", {}, "no pattern"],
    ["GetBook", { pattern: { case: "get", value: "/v1/books" }, body: "nothing" }, "body names nothing"],
    ["GetBook", { pattern: { case: "get", value: "/v1/books" }, responseBody: "x.y" }, "response_body names x.y"],
    ["CreateBook", { pattern: { case: "post", value: "/v1/{book}" } }, "repeated, a map or a message"],
    ["PutTags", { pattern: { case: "post", value: "/v1/{tags}" } }, "repeated, a map or a message"],
    [
      "PutTags",
      { pattern: { case: "post", value: "/v1/{number}" }, body: "number" },
      "bound by the path and by the body",
    ],
    ["GetBook", { pattern: { case: "custom", value: { kind: "NO GOOD", path: "/a" } } }, "is not an HTTP method"],
    [
      "GetBook",
      {
        pattern: { case: "get", value: "/a" },
        additionalBindings: [{ pattern: { case: "get", value: "/b" }, additionalBindings: [{}] }],
      },
      "must not be nested",
    ],
  ] as const)("%s %o", (name, rule, problem) => {
    const method = methodWithRule(name, rule as Parameters<typeof methodWithRule>[1]);
    expect(() => methodBindings(method)).toThrow(HttpRuleError);
    expect(() => methodBindings(method)).toThrow(problem);
  });
});

test("only exposed methods with an http option are served", () => {
  const { transcoder } = testLibrary();
  expect(transcoder.bindings.map(({ method }) => method.name)).not.toContain("Internal");
  // No method of the fixture sets an access rule, so only services may call them.
  expect(testLibrary(undefined, { exposes: () => false }).transcoder.bindings).toEqual([]);
});
