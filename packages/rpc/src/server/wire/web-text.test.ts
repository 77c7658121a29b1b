import fc from "fast-check";
import { expect, test } from "vitest";
import { WebTextDecoder } from "../streams/web-text-decoder.ts";
import { decodeWebText } from "./web-text.ts";

const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
const encoded = (parts: readonly Uint8Array[]) =>
  Buffer.from(parts.map((part) => Buffer.from(part).toString("base64")).join(""), "latin1");

test("frames that are encoded by themselves are decoded, at once and in pieces of any size", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(30)), (parts, cuts) => {
      const text = encoded(parts);
      expect(decodeWebText(text)).toEqual(Buffer.concat(parts));
      const decoder = new WebTextDecoder();
      const decoded: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts, text.length]) {
        decoded.push(decoder.decode(text.subarray(at, at + cut)));
        at += cut;
      }
      decoder.end();
      expect(Buffer.concat(decoded)).toEqual(Buffer.concat(parts));
    }),
  );
});

test("a byte that is not base64 is refused at any position", () => {
  const outside = fc.integer({ min: 0, max: 255 }).filter((byte) => !/[A-Za-z0-9+/=]/.test(String.fromCharCode(byte)));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), outside, (part, position, byte) => {
      const text = encoded([part]);
      text[position % text.length] = byte;
      expect(() => decodeWebText(text)).toThrow("The body is not base64");
    }),
  );
});

test.each(["A", "AA", "AAA", "=AAA", "A=AA", "AA=A", "====", "A===", "AAAA="])("%s is no base64", (text) => {
  const decoder = new WebTextDecoder();
  expect(() => {
    decoder.decode(Buffer.from(text));
    decoder.end();
  }).toThrow("The body is not base64");
});

test("text that is padded after each byte takes little more time than any other of its length", () => {
  const padded = Buffer.from("AA==".repeat(1_000_000));
  const plain = Buffer.from("AAAA".repeat(1_000_000));
  expect(decodeWebText(padded)).toHaveLength(1_000_000);
  const cpuMicros = (text: Buffer) => {
    const before = process.cpuUsage();
    decodeWebText(text);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const tries = [1, 2, 3].map(() => cpuMicros(padded) / Math.max(1, cpuMicros(plain)));
  expect(Math.min(...tries)).toBeLessThan(5);
});
