import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { patchShortStrings } from "./short-strings.ts";

const original = { write: BinaryWriter.prototype.string, read: BinaryReader.prototype.string };
patchShortStrings();

const written = (value: string, write = BinaryWriter.prototype.string) => {
  const writer = new BinaryWriter().bool(true);
  write.call(writer, value);
  return Buffer.from(writer.bool(false).finish());
};

/** The text and the position after it, or the error. */
function readWith(read: typeof original.read, bytes: Uint8Array, strict: boolean) {
  const reader = new BinaryReader(bytes);
  try {
    return [read.call(reader, strict), reader.pos];
  } catch (error) {
    return [(error as Error).message];
  }
}

const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "~", " ", "\0"), maxLength: 140 }),
  fc.string({ unit: "binary", maxLength: 140 }),
  fc.constantFrom("x".repeat(127), "x".repeat(128), `${"x".repeat(126)}é`, "\u{feff}text", "\ud800"),
);

test("text is written as without the patch", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(written(text).toString("hex")).toBe(written(text, original.write).toString("hex"));
    }),
  );
});

test("written text is read back unchanged", () => {
  fc.assert(
    fc.property(texts, fc.boolean(), (text, strict) => {
      const bytes = written(text).subarray(1);
      expect(readWith(BinaryReader.prototype.string, bytes, strict)[0]).toBe(text.toWellFormed());
    }),
  );
});

test("any bytes are read, or refused, as without the patch, from a Node buffer and from another array", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ max: 0x7f, maxLength: 200 }),
    texts.map((text) => written(text).subarray(1)),
  );
  fc.assert(
    fc.property(bytes, fc.boolean(), (array, strict) => {
      const expected = readWith(original.read, new Uint8Array(array), strict);
      for (const same of [new Uint8Array(array), Buffer.from(array)]) {
        expect(readWith(BinaryReader.prototype.string, same, strict)).toEqual(expected);
      }
    }),
    { numRuns: 1000 },
  );
});
