import { expect, it } from "vitest";
import { LineBuffer } from "./line-buffer.ts";

function linesOf(...chunks: readonly string[]): readonly string[] {
  const lines: string[] = [];
  const buffer = new LineBuffer((line) => lines.push(line));
  for (const chunk of chunks) {
    buffer.write(chunk);
  }
  buffer.end();
  return lines;
}

it("joins the parts of a line and splits lines", () => {
  expect(linesOf("on", "e\ntwo\r\n\nth", "ree")).toEqual(["one", "two", "", "three"]);
});

it("passes an endless line on in pieces instead of buffering it", () => {
  const pieces = linesOf(...Array.from({ length: 200 }, () => "x".repeat(1_024)));
  expect(pieces.length).toBeGreaterThan(3);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(64 * 1_024);
  expect(pieces.join("")).toHaveLength(200 * 1_024);
});
