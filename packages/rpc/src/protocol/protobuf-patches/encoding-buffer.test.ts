import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { EchoRequestSchema } from "@parley/gen/echo/v1/echo_service_pb.js";
import { expect, test } from "vitest";
import { shareEncodingBuffer } from "./encoding-buffer.ts";

const encode = (message: string) => toBinary(EchoRequestSchema, create(EchoRequestSchema, { message }));
const decode = (bytes: Uint8Array) => fromBinary(EchoRequestSchema, bytes).message;

const texts = ["", "short", "ü".repeat(100), "x".repeat(1000), "y".repeat(65_535), "z".repeat(200_000)];
const before = texts.map(encode);
shareEncodingBuffer();

test("messages of all lengths are encoded as without the patch, and later ones do not overwrite them", () => {
  const after = texts.map(encode);
  expect(after.map((bytes) => Buffer.from(bytes).toString("base64"))).toEqual(
    before.map((bytes) => Buffer.from(bytes).toString("base64")),
  );
  expect(after.map(decode)).toEqual(texts);
});

test("a nested message, and one that cannot be encoded, do not affect others", () => {
  const outer = new BinaryWriter().uint32(10);
  const inner = encode("inner");
  expect(() => toBinary(EchoRequestSchema, { ...create(EchoRequestSchema), $typeName: "x" } as never)).toThrow();
  const partly = new BinaryWriter().string("never finished");
  expect(partly).toBeDefined();
  const next = encode("next");
  outer.string("outer");
  expect(decode(outer.finish())).toBe("outer");
  expect([decode(inner), decode(next)]).toEqual(["inner", "next"]);
});

test("consecutive messages share a buffer", () => {
  const inside = () => (new BinaryWriter().string("x".repeat(500)) as unknown as { buffer: Uint8Array }).buffer;
  const first = new BinaryWriter().string("x");
  const shared = (first as unknown as { buffer: Uint8Array }).buffer;
  first.finish();
  expect(inside()).toBe(shared);
});
