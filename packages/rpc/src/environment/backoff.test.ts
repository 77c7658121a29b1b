import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "./backoff.ts";

describe("the wait between attempts", () => {
  it("grows to its maximum and stays there, within the jitter, however many attempts failed", () => {
    const middle = (failures: number) => backoffMs(failures, () => 0.5, { initialMs: 100, maxMs: 1000, multiplier: 2 });
    expect([1, 2, 3, 4, 5, 6, 1e9].map(middle)).toEqual([100, 200, 400, 800, 1000, 1000, 1000]);
    const any = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1 }), any, fc.nat(5000), (failures, random, initialMs) => {
        const waitMs = backoffMs(failures, () => random, { initialMs, maxMs: 5000 });
        expect(waitMs).toBeGreaterThanOrEqual(0.8 * initialMs - 1e-6);
        expect(waitMs).toBeLessThanOrEqual(1.2 * 5000 + 1e-6);
      }),
    );
  });
});
