import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseMediaType, preferredType } from "./media-type.ts";

describe("parseMediaType follows RFC 9110", () => {
  test.each<[string, string | undefined, Record<string, string>]>([
    ["application/json", "application/json", {}],
    ["Application/JSON", "application/json", {}],
    [' application/json ; Charset="utf-8" ', "application/json", { charset: "utf-8" }],
    ["application/json;charset=utf-8;v=1", "application/json", { charset: "utf-8", v: "1" }],
    ["application/json;;charset=utf-8;", "application/json", { charset: "utf-8" }],
    ['a/b;c="d;e\\"f"', "a/b", { c: 'd;e"f' }],
    ["application/json;charset", undefined, {}],
    ["application/json charset=utf-8", undefined, {}],
    ['a/b;c="d', undefined, {}],
    ["json", undefined, {}],
    ["", undefined, {}],
  ])("%j", (text, type, parameters) => {
    const parsed = parseMediaType(text);
    expect(parsed?.type).toBe(type);
    expect(Object.fromEntries(parsed?.parameters ?? [])).toEqual(parameters);
  });

  test("no input makes a parser hang or throw", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "/", ";", "=", '"', "\\", " ", ",", "*"), maxLength: 2_000 });
    fc.assert(
      fc.property(text, (any) => {
        parseMediaType(any);
        expect(["a/b", "c/d"]).toContain(preferredType(any, ["a/b", "c/d"]));
      }),
    );
  });
});

describe("preferredType selects the offered type with the highest weight", () => {
  test.each([
    [undefined, "application/x-ndjson"],
    ["*/*", "application/x-ndjson"],
    ["text/event-stream", "text/event-stream"],
    ["TEXT/EVENT-STREAM", "text/event-stream"],
    ["text/event-stream;charset=utf-8", "text/event-stream"],
    ["text/*", "text/event-stream"],
    ["text/event-stream;q=0", "application/x-ndjson"],
    ["text/event-stream;q=0.4, application/x-ndjson;q=0.5", "application/x-ndjson"],
    ["application/x-ndjson;q=0.4, text/event-stream", "text/event-stream"],
    ["*/*;q=0.1, text/event-stream", "text/event-stream"],
    ["*/*, text/event-stream;Q=0.1", "application/x-ndjson"],
    ['text/html;x="text/event-stream"', "application/x-ndjson"],
    ["image/png", "application/x-ndjson"],
    ["x-text/event-stream-not", "application/x-ndjson"],
    ["nonsense", "application/x-ndjson"],
  ])("%j", (accept, expected) => {
    expect(preferredType(accept, ["application/x-ndjson", "text/event-stream"])).toBe(expected);
  });
});
