import { toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonOf, testLibrary } from "../testing/library.ts";

const library = testLibrary();

async function messageOf(request: string, body?: unknown): Promise<unknown> {
  library.calls.length = 0;
  const response = await library.ask(request, body === undefined ? {} : { body: JSON.stringify(body) });
  const [call] = library.calls;
  if (call === undefined) {
    throw new Error(`not called: ${response.status} ${response.body}`);
  }
  const method = library.service.methods.find(({ name }) => name === call.method);
  return [call.method, method === undefined ? undefined : toJson(method.input, call.message)];
}

describe("path and body become the request message", () => {
  test.each([
    ["GET /v1/shelves/7", undefined, "GetShelf", { name: "shelves/7" }],
    ["GET /v1/shelves/7/books/a%2Fb", undefined, "GetBook", { name: "shelves/7/books/a%2Fb" }],
    ["GET /v1/books/978-3", undefined, "GetBook", { isbn: "978-3" }],
    ["GET /v1/books/a%2Fb", undefined, "GetBook", { isbn: "a/b" }],
    ["GET /v1/files/a/b%20c/d", undefined, "ReadFile", { path: "a/b c/d" }],
    ["GET /v1/files", undefined, "ReadFile", {}],
    [
      "POST /v1/shelves/7/books?book_id=x",
      { title: "T", pages: "12" },
      "CreateBook",
      { parent: "shelves/7", bookId: "x", book: { title: "T", pages: "12" } },
    ],
    ["POST /v1/shelves/7/books", undefined, "CreateBook", { parent: "shelves/7" }],
    [
      "PATCH /v1/shelves/7/books/9?update_mask=title,publish_time",
      { title: "U", publish_time: "2026-01-02T03:04:05Z" },
      "UpdateBook",
      {
        book: { name: "shelves/7/books/9", title: "U", publishTime: "2026-01-02T03:04:05Z" },
        updateMask: "title,publishTime",
      },
    ],
    // The body may repeat a value of the path.
    [
      "PATCH /v1/shelves/7/books/9",
      { name: "shelves/7/books/9", title: "U" },
      "UpdateBook",
      { book: { name: "shelves/7/books/9", title: "U" }, updateMask: "title" },
    ],
    ["PATCH /v1/shelves/7/books/9", { name: "" }, "UpdateBook", { book: { name: "shelves/7/books/9" } }],
    [
      "POST /v1/shelves/7/books/9:move",
      { otherShelf: "8" },
      "MoveBook",
      { name: "shelves/7/books/9", otherShelf: "8" },
    ],
    [
      "POST /v1/shelves/7/books/9:move",
      { other_shelf: "8" },
      "MoveBook",
      { name: "shelves/7/books/9", otherShelf: "8" },
    ],
    ["POST /v1/shelves/7/books/9:move", undefined, "MoveBook", { name: "shelves/7/books/9" }],
    ["PUT /v1/books/12/tags", ["a", "b"], "PutTags", { number: "12", tags: ["a", "b"] }],
    ["PURGE /v1/shelves/7", undefined, "Purge", { name: "shelves/7" }],
    ["REPORT /pages/a/b", undefined, "Page", { path: "a/b" }],
    ["GET /pages/a", undefined, "Page", { path: "a" }],
  ])("%s %j", async (request, body, method, expected) => {
    expect(await messageOf(request, body)).toEqual([method, expected]);
  });
});

describe("a query parameter becomes a field of its type", () => {
  test.each([
    ["text=a%20b+c%2B", { text: "a b c+" }],
    ["text=", {}],
    ["text", {}],
    ["words=a&words=b&words=", { words: ["a", "b", ""] }],
    ["filter.author_name=x", { filter: { authorName: "x" } }],
    ["filter.authorName=x&filter.not.author_name=y", { filter: { authorName: "x", not: { authorName: "y" } } }],
    ["filter.genres=GENRE_NOVEL&filter.genres=2", { filter: { genres: ["GENRE_NOVEL", "GENRE_POEM"] } }],
    ["genre=GENRE_POEM", { genre: "GENRE_POEM" }],
    ["genre=1", { genre: "GENRE_NOVEL" }],
    ["genre=77", { genre: 77 }],
    ["count=-2147483648", { count: -2147483648 }],
    ["unsigned_count=4294967295", { unsignedCount: 4294967295 }],
    ["unsignedCount=1", { unsignedCount: 1 }],
    ["big=-9223372036854775808", { big: "-9223372036854775808" }],
    ["unsigned_big=18446744073709551615", { unsignedBig: "18446744073709551615" }],
    ["exact=true", { exact: true }],
    ["exact=false", {}],
    ["cursor=AP-_", { cursor: "AP+/" }],
    ["cursor=AP%2B%2F", { cursor: "AP+/" }],
    ["cursor=AA", { cursor: "AA==" }],
    ["cursor=AA%3D%3D", { cursor: "AA==" }],
    ["score=1.5e3", { score: 1500 }],
    ["score=NaN", { score: "NaN" }],
    ["score=-Infinity", { score: "-Infinity" }],
    ["boxed=0", { boxed: 0 }],
    ["boxed_text=", { boxedText: "" }],
    ["boxed_flag=false", { boxedFlag: false }],
    ["since_time=2026-01-02T03:04:05.5%2B01:00", { sinceTime: "2026-01-02T02:04:05.500Z" }],
    ["within_time=1.5s", { withinTime: "1.500s" }],
    ["read_mask=text,filter.authorName", { readMask: "text,filter.authorName" }],
    ["numbers=1&numbers=-2", { numbers: ["1", "-2"] }],
    ["left=x", { left: "x" }],
    ["maybe=0", { maybe: 0 }],
    ["&&text=a&", { text: "a" }],
    ["text=a=b", { text: "a=b" }],
  ])("?%s", async (query, expected) => {
    expect(await messageOf(`GET /v1/search?${query}`)).toEqual(["Search", expected]);
  });

  test.each([
    ["nothing=1", "UNKNOWN_PARAMETER", "nothing"],
    ["__proto__=1", "UNKNOWN_PARAMETER", "__proto__"],
    ["constructor.name=1", "UNKNOWN_PARAMETER", "constructor.name"],
    ["filter=x", "UNKNOWN_PARAMETER", "filter"],
    ["filter.nothing=x", "UNKNOWN_PARAMETER", "filter.nothing"],
    ["text.more=x", "UNKNOWN_PARAMETER", "text.more"],
    ["since_time.seconds=1", "UNKNOWN_PARAMETER", "since_time.seconds"],
    ["labels=x", "UNKNOWN_PARAMETER", "labels"],
    ["filters.author_name=x", "UNKNOWN_PARAMETER", "filters.author_name"],
    ["anything=x", "UNKNOWN_PARAMETER", "anything"],
    [`${"filter.not.".repeat(20)}author_name=x`, "UNKNOWN_PARAMETER", "filter.not"],
    ["=x", "UNKNOWN_PARAMETER", ""],
    ["text=a&text=b", "INVALID_PARAMETER", "text"],
    ["filter.author_name=a&filter.authorName=b", "INVALID_PARAMETER", "filter.authorName"],
    ["count=1.5", "INVALID_PARAMETER", "count"],
    ["count=", "INVALID_PARAMETER", "count"],
    ["count=0x10", "INVALID_PARAMETER", "count"],
    ["count=2147483648", "INVALID_PARAMETER", "count"],
    ["unsigned_count=-1", "INVALID_PARAMETER", "unsigned_count"],
    ["big=9223372036854775808", "INVALID_PARAMETER", "big"],
    [`big=${"9".repeat(5000)}`, "INVALID_PARAMETER", "big"],
    ["exact=1", "INVALID_PARAMETER", "exact"],
    ["exact=TRUE", "INVALID_PARAMETER", "exact"],
    ["cursor=*", "INVALID_PARAMETER", "cursor"],
    ["cursor=A", "INVALID_PARAMETER", "cursor"],
    ["cursor=AA%3D", "INVALID_PARAMETER", "cursor"],
    ["score=one", "INVALID_PARAMETER", "score"],
    ["score=0x1", "INVALID_PARAMETER", "score"],
    ["genre=novel", "INVALID_PARAMETER", "genre"],
    ["genre=99999999999", "INVALID_PARAMETER", "genre"],
    ["boxed=x", "INVALID_PARAMETER", "boxed"],
    ["since_time=yesterday", "INVALID_PARAMETER", "since_time"],
    ["within_time=1", "INVALID_PARAMETER", "within_time"],
    ["left=x&right=1", "INVALID_REQUEST", "right"],
    ["text=%FF", "MALFORMED_QUERY", undefined],
    ["text=%", "MALFORMED_QUERY", undefined],
    [Array(300).fill("words=a").join("&"), "MALFORMED_QUERY", undefined],
  ])("?%s is refused", async (query, reason, field) => {
    await expectRefusal(`GET /v1/search?${query}`, { reason, field });
  });
});

describe("a field has only one source", () => {
  test.each([
    ["GET /v1/books/1?isbn=2", undefined, "UNKNOWN_PARAMETER", "isbn"],
    ["PATCH /v1/shelves/7/books/9?book.title=x", {}, "UNKNOWN_PARAMETER", "book.title"],
    ["POST /v1/shelves/7/books/9:move?other_shelf=8", {}, "UNKNOWN_PARAMETER", "other_shelf"],
    ["PATCH /v1/shelves/7/books/9", { name: "shelves/7/books/8" }, "INVALID_FIELD", "book.name"],
    ["PUT /v1/books/x/tags", [], "INVALID_FIELD", "number"],
    ["PUT /v1/books/1/tags", { tags: [] }, "INVALID_REQUEST", "tags"],
    ["PUT /v1/books/1/tags", [1], "INVALID_REQUEST", "tags"],
    ["POST /v1/shelves/7/books", { pages: "many" }, "INVALID_REQUEST", "pages"],
    ["POST /v1/shelves/7/books", { publishTime: 5 }, "INVALID_REQUEST", undefined],
    ["POST /v1/shelves/7/books", "text", "INVALID_REQUEST", undefined],
    ["POST /v1/shelves/7/books/9:move", [], "INVALID_REQUEST", undefined],
    ["POST /v1/shelves/7/books/9:move", { otherShelf: "a", other_shelf: "b" }, "INVALID_REQUEST", "other_shelf"],
    ["GET /v1/shelves/7", {}, "INVALID_REQUEST", undefined],
  ])("%s %j is refused", async (request, body, reason, field) => {
    await expectRefusal(request, { reason, field, body: JSON.stringify(body) });
  });
});

async function expectRefusal(
  request: string,
  { reason, field, body }: { reason: string; field: string | undefined; body?: string | undefined },
): Promise<void> {
  library.calls.length = 0;
  const response = await library.ask(request, body === undefined ? {} : { body });
  const { error } = jsonOf(response) as {
    error: { status: string; details: { reason?: string; fieldViolations?: { field: string }[] }[] };
  };
  expect([response.status, error.status, error.details[0]?.reason]).toEqual([400, "INVALID_ARGUMENT", reason]);
  if (field !== undefined && field !== "") {
    expect(error.details[1]?.fieldViolations?.[0]?.field).toContain(field);
  }
  expect(library.calls).toEqual([]);
  expect(String(response.body).length).toBeLessThan(2000);
}

test("an encoded query decodes to the same message", async () => {
  const value = fc.record(
    {
      text: fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
      words: fc.array(fc.string({ unit: "grapheme" }), { maxLength: 4 }),
      count: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      exact: fc.boolean(),
      score: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((score) => !Object.is(score, -0)),
      genre: fc.constantFrom("GENRE_NOVEL", "GENRE_POEM"),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(value, async (fields) => {
      const query = new URLSearchParams();
      for (const [name, field] of Object.entries(fields)) {
        for (const item of Array.isArray(field) ? field : [field]) {
          query.append(name, String(item));
        }
      }
      const [, read] = (await messageOf(`GET /v1/search?${query}`)) as [string, object];
      const [, expected] = (await messageOf(`GET /v1/search?`)) as [string, object];
      const set = Object.entries(fields).filter(
        ([, v]) =>
          v !== "" &&
          v !== 0 &&
          v !== false &&
          v !== "0" &&
          String(v) !== "[]" &&
          !(Array.isArray(v) && v.length === 0),
      );
      expect(read).toEqual({ ...expected, ...Object.fromEntries(set) });
    }),
    { numRuns: 200 },
  );
});

test("no path, query or body causes a status of 500 or above", async () => {
  const piece = fc.constantFrom(
    "/",
    "v1",
    "shelves",
    "books",
    ":move",
    "%2F",
    "%",
    "%FF",
    "..",
    "?",
    "&",
    "=",
    "text",
    "filter.not",
    "é",
    "\0",
    "*",
    "{x}",
  );
  const method = fc.constantFrom("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "PURGE", "get", "X");
  const body = fc.oneof(
    fc.jsonValue().map((json) => JSON.stringify(json)),
    fc.string(),
    fc.constant(`${"[".repeat(5_000)}`),
  );
  await fc.assert(
    fc.asyncProperty(method, fc.array(piece, { maxLength: 12 }), fc.option(body), async (httpMethod, pieces, text) => {
      const url = `/${pieces.join("")}`.replaceAll(" ", "");
      const response = await library.ask(`${httpMethod} ${url}`, text === null ? {} : { body: text });
      expect(response.status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
});
