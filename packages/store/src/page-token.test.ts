import { expect, test } from "vitest";
import { decodePageToken, encodePageToken, InvalidPageTokenError } from "./page-token.ts";

const list = "orders of 1";
const token = encodePageToken([1_766_000_000_000, "0199-ü"], list);

test("a token decodes to its position", () => {
  expect(decodePageToken(token, list)).toEqual([1_766_000_000_000, "0199-ü"]);
  expect(decodePageToken(encodePageToken([]))).toEqual([]);
});

test("a token of another list is refused", () => {
  expect(() => decodePageToken(token, "orders of 2")).toThrow(InvalidPageTokenError);
});

test("a token with any character changed is refused", () => {
  for (let index = 0; index < token.length; index++) {
    const changed = token.slice(0, index) + (token[index] === "A" ? "B" : "A") + token.slice(index + 1);
    expect(() => decodePageToken(changed, list)).toThrow(InvalidPageTokenError);
  }
});

test.each(["", "x", "%%%", "🦊", token.slice(1), `${token}A`, "A".repeat(513)])("%s is no token", (text) => {
  expect(() => decodePageToken(text, list)).toThrow(InvalidPageTokenError);
});

test("a position whose token would be too long is a programming error", () => {
  expect(() => encodePageToken(["x".repeat(600)])).toThrow(RangeError);
});
