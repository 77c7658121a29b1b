import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "./json-text.ts";

/** JSON text that is generated key by key, including duplicates. */
interface Written {
  readonly text: string;
  readonly duplicate: boolean;
}

const space = fc.constantFrom("", "", " ", "\n\t ");
const scalar: fc.Arbitrary<Written> = fc
  .oneof(
    fc.string(),
    fc.constantFrom('"', "\\", '":', '{"a":1,"a":1}', "[{", "\\\\"),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  )
  .map((value) => ({ text: JSON.stringify(value), duplicate: false }));
/** Without backslashes: after an object with such a key, V8 14 misreads an escape in another object's key as that backslash. */
const key = fc
  .oneof(fc.constantFrom("a", "b", "é", '"', ":"), fc.string({ maxLength: 2 }))
  .filter((name) => !name.includes("\\"));

/** A key in JSON: plain, or with its first character escaped. */
function writtenKey(name: string, escaped: boolean): string {
  return escaped && name !== ""
    ? `"\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${JSON.stringify(name.slice(1)).slice(1)}`
    : JSON.stringify(name);
}

const json = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }).map((items) => ({
      text: `[${items.map(({ text }) => text).join(" ,")}]`,
      duplicate: items.some(({ duplicate }) => duplicate),
    })),
    fc.array(fc.tuple(key, fc.boolean(), space, tie("value")), { maxLength: 4 }).map((members) => ({
      text: `{${members.map(([name, escaped, gap, { text }]) => `${gap}${writtenKey(name, escaped)}${gap}:${text}`).join(",")}}`,
      duplicate:
        new Set(members.map(([name]) => name)).size < members.length ||
        members.some(([, , , { duplicate }]) => duplicate),
    })),
  ),
})).value;

describe("JSON text", () => {
  test("is refused if and only if an object has a duplicate key, and otherwise parsed as JSON.parse does", () => {
    fc.assert(
      fc.property(json, ({ text, duplicate }) => {
        if (duplicate) {
          expect(() => parseJson(text)).toThrow(/twice/);
        } else {
          expect(parseJson(text)).toEqual(JSON.parse(text));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("that is not JSON is refused", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (!valid) {
          expect(() => parseJson(text)).toThrow(/not JSON/);
        }
      }),
    );
  });
});
