import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { describe, expect, test } from "vitest";
import { jsonOf, type SeenCall, testLibrary } from "../testing/library.ts";

/** A service that stores one member and compares etags when it writes, as the platform's services do. */
function memberService(state: { etag: string; revision: string; gone?: boolean }) {
  const output = (call: SeenCall, fields: object) => {
    const method = library.service.methods.find(({ name }) => name === call.method);
    return create(method?.output as DescMessage, fields as never);
  };
  const library = testLibrary((call) => {
    const { member, etag = "" } = call.message as Message & { member?: { etag: string }; etag?: string };
    const sent = member?.etag ?? etag;
    if (state.gone === true) {
      return new ConnectError("gone", Code.NotFound);
    }
    if (call.method !== "GetMember" && sent !== "" && sent !== state.etag && sent !== state.revision) {
      const info = {
        reason: "ETAG_MISMATCH",
        domain: "test",
        metadata: { etag: state.etag, revision: state.revision },
      };
      return new ConnectError("changed", Code.Aborted, undefined, [{ desc: ErrorInfoSchema, value: info }]);
    }
    if (call.method === "DeleteMember") {
      return output(call, {});
    }
    return output(call, { member: { id: "1", ...state } });
  });
  return library;
}

const state = { etag: "v3", revision: "v3.50" };
const writes = [
  ["PATCH /v1/members/1", '{"nickName":"n"}'],
  ["DELETE /v1/members/1", undefined],
] as const;

describe.each(writes)("%s under If-Match", (request, body) => {
  const ask = (ifMatch: string, library = memberService(state)) =>
    library.ask(request, { headers: { "if-match": ifMatch }, ...(body === undefined ? {} : { body }) });

  test.each([
    ['"v3.50"', 200],
    ['"v3"', 200],
    ["*", 200],
    [' "old" , "v3.50"', 200],
    ['"v3.50",', 200],
    ['"nope"', 412],
    ['"v3.5"', 412],
    ['"v3.49"', 412],
    ['"v2", "v1"', 412],
    ['W/"v3.50"', 412],
    ['"W/v3.50"', 412],
    ['""', 412],
    ["v3.50", 412],
    ['"v3.50', 412],
    ["", 412],
    [`"${"x".repeat(5_000)}"`, 412],
    ['"\u00e9"', 412],
  ])("%s is %i", async (ifMatch, status) => {
    const response = await ask(ifMatch);
    expect(response.status, String(response.body)).toBe(status);
    if (status === 412) {
      expect(jsonOf(response)).toMatchObject({
        error: { code: 412, status: "ABORTED", details: [{ reason: "PRECONDITION_FAILED" }] },
      });
    }
  });

  test("an error contains the current ETag and explains what is wrong with the request's", async () => {
    const message = async (ifMatch: string) =>
      (jsonOf(await ask(ifMatch)) as { error: { message: string } }).error.message;
    expect(await message('"v2"')).toMatch(/has ETag "v3.50": it has changed since/);
    expect(await message("v3")).toContain("double quotes");
    expect(await message('W/"v3"')).toContain("weak tags never match");
  });

  test("a missing resource is 404, whatever the tag", async () => {
    for (const ifMatch of ['"v3.50"', "*", "garbage", 'W/"a"']) {
      expect((await ask(ifMatch, memberService({ ...state, gone: true }))).status).toBe(404);
    }
  });

  test("the service compares the etag, in the transaction that writes", async () => {
    const library = memberService(state);
    await ask('"a", "v3.50", "b"', library);
    const etags = library.calls.map(({ method }) => method);
    expect(etags).toHaveLength(2);
    expect(new Set(etags).size).toBe(1);
  });

  test("more tags than the limit are refused", async () => {
    const library = memberService(state);
    const many = Array.from({ length: 9 }, (_, index) => `"t${index}"`).join();
    expect((await ask(many, library)).status).toBe(400);
    expect(library.calls).toHaveLength(0);
  });

  test("other errors are unchanged", async () => {
    const contended = testLibrary(() => new ConnectError("busy", Code.Aborted));
    expect((await ask('"v3"', contended)).status).toBe(409);
  });

  test("If-None-Match is never ignored", async () => {
    const library = memberService(state);
    const sent = { headers: { "if-none-match": "*" }, ...(body === undefined ? {} : { body }) };
    expect((await library.ask(request, sent)).status).toBe(412);
    expect(library.calls).toHaveLength(0);
  });
});

describe("an etag in the request is a condition in addition to If-Match", () => {
  test.each([
    ["v3", '"v3.50"', 200],
    ["v3", '"v3"', 200],
    ["v3.50", '"v3.50"', 200],
    ["v2", '"v3.50"', 412],
    ["v3.5", '"v3.50"', 412],
  ])("%s with %s is %i", async (etag, ifMatch, status) => {
    const headers = { "if-match": ifMatch };
    const patch = { headers, body: JSON.stringify({ nickName: "n", etag }) };
    expect((await memberService(state).ask("PATCH /v1/members/1", patch)).status).toBe(status);
    expect((await memberService(state).ask(`DELETE /v1/members/1?etag=${etag}`, { headers })).status).toBe(status);
  });
});

test("a method without an etag field is not called with If-Match", async () => {
  const library = testLibrary();
  for (const [request, body] of [
    ["POST /v1/shelves/7/books", '{"title":"T"}'],
    ["PUT /v1/books/1/tags", "[]"],
    ["PATCH /v1/shelves/7/books/9", '{"title":"T"}'],
    ["PURGE /v1/shelves/7", undefined],
  ] as const) {
    const given = body === undefined ? {} : { body };
    expect((await library.ask(request, { headers: { "if-match": '"v1"' }, ...given })).status).toBe(412);
    expect(library.calls).toHaveLength(0);
    expect((await library.ask(request, { headers: { "if-match": "*" }, ...given })).status).toBeLessThan(300);
    library.calls.length = 0;
  }
});

describe("the ETag of a single resource", () => {
  test("is its revision, as a strong tag for If-Match; a PATCH returns the new one", async () => {
    const library = memberService(state);
    const got = await library.ask("GET /v1/members/1");
    expect(got.headers.etag).toBe('"v3.50"');
    const headers = { "if-match": got.headers.etag ?? "" };
    const patched = await library.ask("PATCH /v1/members/1", { body: '{"nickName":"n"}', headers });
    expect([patched.status, patched.headers.etag]).toEqual([200, '"v3.50"']);
  });

  test.each([
    [{ etag: "v3", revision: "" }, /^W\//],
    [{ etag: "v3", revision: 'a"b' }, /^W\//],
    [{ etag: "v3", revision: "a\r\nb" }, /^W\//],
    [{ etag: "v3", revision: "x".repeat(65) }, /^W\//],
  ])("of %j is a weak tag of its content", async (odd, expected) => {
    expect((await memberService(odd).ask("GET /v1/members/1")).headers.etag).toMatch(expected);
  });

  test.each([
    ["if-none-match", '"v3.50"', 304],
    ["if-none-match", 'W/"v3.50"', 304],
    ["if-none-match", '"a", "v3.50"', 304],
    ["if-none-match", "*", 304],
    ["if-none-match", '"v3"', 200],
    ["if-none-match", "v3.50", 200],
    ["if-match", '"v3.50"', 200],
    ["if-match", "*", 200],
    ["if-match", 'W/"v3.50"', 412],
    ["if-match", '"other"', 412],
    ["if-match", "v3.50", 412],
  ])("GET with %s: %s is %i", async (name, value, status) => {
    const headers = { [name]: value };
    expect((await memberService(state).ask("GET /v1/members/1", { headers })).status).toBe(status);
    expect((await memberService(state).ask("HEAD /v1/members/1", { headers })).status).toBe(status);
  });
});
