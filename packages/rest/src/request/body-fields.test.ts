import { describe, expect, test } from "vitest";
import { jsonOf, testLibrary } from "../testing/library.ts";

const library = testLibrary();

async function refusal(request: string, body: string) {
  library.calls.length = 0;
  const response = await library.ask(request, { body });
  expect(library.calls, "nothing is called").toHaveLength(0);
  expect(response.status).toBe(400);
  const { error } = jsonOf(response) as {
    error: { message: string; details: { reason?: string; fieldViolations?: { field: string }[] }[] };
  };
  return {
    message: error.message,
    reason: error.details[0]?.reason,
    field: error.details[1]?.fieldViolations?.[0]?.field,
  };
}

const move = "POST /v1/shelves/7/books/9:move";
const create = "POST /v1/shelves/7/books";
const member = "PATCH /v1/members/1";

describe("an unknown field is refused, and the error suggests the nearest name", () => {
  test.each([
    [move, { othershelf: "8" }, "othershelf", "did you mean otherShelf?"],
    [move, { "other-shelf": "8" }, "other-shelf", "did you mean otherShelf?"],
    [move, { ohterShelf: "8" }, "ohterShelf", "did you mean otherShelf?"],
    [move, { otherShelv: "8" }, "otherShelv", "did you mean otherShelf?"],
    [move, { colour: "8" }, "colour", "the fields are name, otherShelf"],
    [move, { "": "8" }, "", "the fields are name, otherShelf"],
    [move, { __proto__x: "8" }, "__proto__x", "the fields are"],
    [create, { titel: "T" }, "titel", "did you mean title?"],
    [create, { publish_tme: "T" }, "publish_tme", "did you mean publishTime?"],
    [member, { favourite: { nmae: "x" } }, "favourite.nmae", "did you mean name?"],
    [create, { ["x".repeat(5_000)]: 1 }, "xxx", "the fields are"],
  ])("%s %j", async (request, body, field, hint) => {
    const refused = await refusal(request, JSON.stringify(body));
    expect(refused.reason).toBe("UNKNOWN_FIELD");
    expect(refused.field ?? "").toContain(field);
    expect(refused.message).toContain(hint);
    expect(refused.message.length).toBeLessThan(300);
  });

  test("a field named __proto__ is refused, too", async () => {
    expect((await refusal(move, '{"__proto__":{"otherShelf":"8"}}')).reason).toBe("UNKNOWN_FIELD");
  });
});

describe("ambiguous JSON values are refused", () => {
  test.each([
    ["a key twice", move, '{"otherShelf":"8","otherShelf":"9"}', "otherShelf"],
    ["a key twice, once in escapes", move, '{"otherShelf":"8","\\u006ftherShelf":"9"}', "otherShelf"],
    ["a key twice, deep inside", member, '{"favourite":{"size":1,"name":"x","size" :2}}', "size"],
    ["a field under both names", member, '{"nickName":"a","nick_name":"b"}', "nick_name"],
    ["a hexadecimal integer", create, '{"pages":"0x10"}', "pages"],
    ["an integer with a space", create, '{"pages":" 5"}', "pages"],
    ["an integer with a plus", create, '{"pages":"+5"}', "pages"],
    ["an integer that is empty", create, '{"pages":""}', "pages"],
    ["an integer in another notation, 32 bits", member, '{"visits":"0b1"}', "visits"],
    ["half of a surrogate pair", create, '{"title":"\\ud800"}', "title"],
    ["half of a surrogate pair in a list", create, '{"tags":["a","\\udc00"]}', "tags[1]"],
  ])("%s", async (_what, request, body, field) => {
    expect(await refusal(request, body)).toMatchObject({ reason: "INVALID_REQUEST", field });
  });

  test.each([
    ["nesting beyond all messages", `{"favourite":${"[".repeat(101)}${"]".repeat(101)}}`],
    ["nesting far beyond", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`],
    ["no JSON", "{'a':1}"],
  ])("%s", async (_what, body) => {
    expect((await refusal(member, body)).reason).toBe("INVALID_REQUEST");
  });
});

test.each([
  ["both spellings, each once", create, { publish_time: "2026-01-02T03:04:05Z", title: "a" }],
  ["null for any field", create, { title: null, pages: null, publishTime: null, tags: null }],
  ["integers as ProtoJSON writes them", create, { pages: "-12" }],
  ["integers as numbers", create, { pages: 12 }],
  ["a whole surrogate pair", create, { title: "😀" }],
  ["keys of the same name in different objects", member, { nickName: "name", favourite: { name: "nickName" } }],
])("%s are accepted", async (_what, request, body) => {
  expect((await library.ask(request, { body: JSON.stringify(body) })).status).toBe(request === create ? 201 : 200);
});
