import { readFileSync } from "node:fs";
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJsonString,
  type Message,
  toJsonString,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { EchoRequestSchema } from "@parley/gen/echo/v1/echo_service_pb.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messageFromJson, messageToJson } from "./json-message.ts";

const contracts = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(new URL(import.meta.resolve("@parley/gen/contracts.binpb")))),
);
const messages = [...contracts].filter((type) => type.kind === "message");
const options = { ignoreUnknownFields: true, registry: contracts };

/** The result of a function, or its error. */
function outcome<T>(run: () => T): { readonly value?: T; readonly error?: string } {
  try {
    return { value: run() };
  } catch (error) {
    return { error: String(error) };
  }
}

/** The result of a text, and of its message when that is encoded again: the result with protobuf-es. */
function sameOutcome(schema: DescMessage, text: string): { readonly value?: Message; readonly error?: string } {
  const read = outcome(() => messageFromJson(schema, text, options));
  if (read.error?.startsWith("JsonNumberError") === true) {
    // The only text that is refused although protobuf-es accepts it.
    expect(text.match(quoted)?.some(isOtherNumber), text).toBe(true);
    return read;
  }
  expect(read, text).toEqual(outcome(() => fromJsonString(schema, text, options)));
  const { value } = read;
  if (value !== undefined) {
    const written = outcome(() => messageToJson(schema, value, options));
    expect(written).toEqual(outcome(() => toJsonString(schema, value, options)));
  }
  return read;
}

const quoted = /"(?:[^"\\]|\\.)*"/g;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Whether quoted text is a number in JavaScript's notation and not in JSON's: with spaces, a plus, a prefix, or empty. */
function isOtherNumber(text: string): boolean {
  const value: string = JSON.parse(text);
  return !Number.isNaN(Number(value)) && !jsonNumber.test(value);
}

const space = fc.constantFrom("", "", "", " ", "\n\t");
const scalar = fc
  .oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom(...["", ":", '":', 'a": "b', '\\":', " : ", "2026-01-02T03:04:05Z", "1.5s", "12", "-1", "aGk="]),
    fc.constantFrom(...[null, true, 0, -1, 1.5, 2 ** 31, 1e300, [], {}]),
  )
  .map((value) => JSON.stringify(value));

/** A text that may be a message of this type: its fields by either name or in escapes, sometimes twice, with values of any kind. */
function textOf(schema: DescMessage, levels = 3): fc.Arbitrary<string> {
  const names = schema.fields.flatMap((field) => {
    const value =
      levels > 0 && "message" in field && field.message !== undefined ? textOf(field.message, levels - 1) : scalar;
    const list = fc.array(value, { maxLength: 3 }).map((items) => `[${items.join(",")}]`);
    const either = fc.oneof({ weight: 4, arbitrary: field.fieldKind === "list" ? list : value }, scalar);
    const escaped = `\\u${field.jsonName.charCodeAt(0).toString(16).padStart(4, "0")}${field.jsonName.slice(1)}`;
    return [field.jsonName, field.jsonName, field.name, escaped].map((name) => fc.tuple(fc.constant(name), either));
  });
  const stranger = fc.tuple(fc.constantFrom("__proto__", "toJSON", "@type", "x", "1"), scalar);
  const member = fc.tuple(fc.oneof(stranger, ...names), space, space);
  return fc
    .array(member, { maxLength: 4 })
    .map((members) => `{${members.map(([[name, value], a, b]) => `${a}"${name}"${b}:${a}${value}${b}`).join(",")}}`);
}

describe("messages in JSON", () => {
  it("are decoded and encoded as by protobuf-es, for any input", () => {
    const texts = new Map(messages.map((schema) => [schema, textOf(schema)]));
    const any = fc
      .constantFrom(...texts)
      .chain(([schema, texts]) => fc.tuple(fc.constant(schema), fc.oneof({ weight: 9, arbitrary: texts }, scalar)));
    const seen = { read: 0, twice: 0, refused: 0 };
    fc.assert(
      fc.property(any, ([schema, text]) => {
        const { value, error } = sameOutcome(schema, text);
        if (value !== undefined) {
          seen.read++;
        } else if (error?.includes("duplicate object key")) {
          seen.twice++;
        } else {
          seen.refused++;
        }
      }),
      { numRuns: 1_000 },
    );
    for (const [what, count] of Object.entries(seen)) {
      expect(count, what).toBeGreaterThan(20);
    }
  });

  it.each([
    ['{"message":"a","message":"b"}'],
    ['{"message":"a","message" :"b"}'],
    ['{"message":"a","message"\n:"b"}'],
    ['{"message":"a","\\u006dessage":"b"}'],
    ['{"message":"a","x":{"y":1,"y":2}}'],
    ['{"message":"a","x":[{"y":1,"\\u0079":2}]}'],
    ['{"x":{"a":1,"b":2},"x":{},"message":"\\":"}'],
    ['{"__proto__":1,"__proto__":2}'],
    [`{"message":"a","x":${"[".repeat(200)}{"y":1,"y":2}${"]".repeat(200)}}`],
  ])("are refused with a duplicate key: %s", (text) => {
    expect(sameOutcome(EchoRequestSchema, text).error).toContain("duplicate object key");
  });

  it.each([
    ['{"message":"a: \\"b\\": c"}'],
    ['{"message":"a","x":{"x":{"x":1}},"y":[{"x":1},{"x":2}]}'],
    ['{"message":"a","__proto__":{"message":"b"}}'],
    [`{"message":"a","x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`],
  ])("are decoded without one: %.60s", (text) => {
    expect(sameOutcome(EchoRequestSchema, text).value).toHaveProperty("message");
  });

  it("may be nested as deep as protobuf-es allows, and no deeper", () => {
    const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
    expect(sameOutcome(StructSchema, nested(20)).value).toBeDefined();
    expect(sameOutcome(StructSchema, nested(5_000)).error).toContain("maximum recursion depth");
  });

  it.each([[""], ["{"], ["null"], ["[]"], ['"a"'], ["1"], ['{"message":1}']])("are refused otherwise: %s", (text) => {
    expect(sameOutcome(EchoRequestSchema, text).error).toContain("cannot decode");
  });
});
