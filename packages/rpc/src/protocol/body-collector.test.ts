import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyCollector } from "./body-collector.ts";

describe("a body", () => {
  it("has the same bytes however it is split", () => {
    const sizes = fc.array(fc.oneof(fc.nat(3), fc.nat(200), fc.integer({ min: 4000, max: 20_000 })), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, (pieceSizes) => {
        const collector = new BodyCollector();
        const pieces = pieceSizes.map((size, index) => Buffer.alloc(size, index + 1));
        for (const piece of pieces) {
          collector.add(piece);
        }
        const whole = Buffer.concat(pieces);
        expect(collector.length).toBe(whole.length);
        expect(collector.bytes().equals(whole)).toBe(true);
        expect(collector.takeBytes().equals(whole)).toBe(true);
        expect([collector.length, collector.bytes().length]).toEqual([whole.length, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it("in one piece is not copied", () => {
    const collector = new BodyCollector();
    const piece = Buffer.from("hello");
    collector.add(piece);
    expect(collector.bytes()).toBe(piece);
  });

  it.each([
    ["of one byte", () => 1],
    ["of one byte and of 4 KiB in turn", (index: number) => (index % 2 === 0 ? 1 : 4096)],
  ])("in pieces %s takes memory in proportion to its bytes", (_name, sizeOf) => {
    const socketBytes = Buffer.alloc(1 << 20);
    const collectors = Array.from({ length: 20 }, () => new BodyCollector());
    const before = memoryBytes();
    let bytes = 0;
    for (const collector of collectors) {
      for (let index = 0; collector.length < 200_000; index++) {
        collector.add(socketBytes.subarray(0, sizeOf(index)));
      }
      bytes += collector.length;
    }
    expect(memoryBytes() - before).toBeLessThan(2 * bytes + (8 << 20));
    expect(collectors.every((collector) => collector.bytes().length === collector.length)).toBe(true);
  });
});

function memoryBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
