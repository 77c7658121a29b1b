import { describe, expect, test } from "vitest";
import { MethodPace } from "./method-pace.ts";

/** Returns one call every `everyMs`, each after `tookMs`, with so many open, for a while. */
function answer(
  pace: MethodPace,
  from: number,
  options: { tookMs: number; everyMs: number; open: number; ms: number },
) {
  pace.open = options.open;
  for (let atMs = from; atMs < from + options.ms; atMs += options.everyMs) {
    pace.answered(options.tookMs, atMs);
  }
  return from + options.ms;
}

describe("the limit on a method's calls", () => {
  test("does not exist where answers are as fast as ever, whether that is fast or slow", () => {
    for (const tookMs of [1, 5_000]) {
      const pace = new MethodPace({ queueTimeMaxMs: 500 });
      answer(pace, 0, { tookMs, everyMs: 1, open: 900, ms: 5_000 });
      expect(pace.limit).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test("falls to what fits into the time where even the fastest answers are late, and is gone once they are not", () => {
    const pace = new MethodPace({ queueTimeMaxMs: 500 });
    let nowMs = answer(pace, 0, { tookMs: 5, everyMs: 1, open: 4, ms: 1_000 });
    nowMs = answer(pace, nowMs, { tookMs: 2_000, everyMs: 1, open: 2_000, ms: 250 });
    expect(pace.limit).toBeLessThan(1_000);
    expect(pace.limit).toBeGreaterThanOrEqual(64);
    nowMs = answer(pace, nowMs, { tookMs: 5, everyMs: 1, open: 4, ms: 1_000 });
    // Within a second there is room for far more than there was before.
    expect(pace.limit).toBeGreaterThan(150);
    nowMs = answer(pace, nowMs, { tookMs: 5, everyMs: 1, open: 4, ms: 30_000 });
    expect(pace.limit).toBe(Number.POSITIVE_INFINITY);
  });

  test("does not fall where some answers are slow by nature and others are not", () => {
    const pace = new MethodPace({ queueTimeMaxMs: 500 });
    for (let atMs = 0; atMs < 5_000; atMs++) {
      pace.answered(atMs % 4 === 0 ? 2 : 3_000, atMs);
    }
    expect(pace.limit).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a call whose time is nearly over", () => {
  test("is not begun where no latest answer came in half of that, and is again once nothing is known", () => {
    const pace = new MethodPace({ queueTimeMaxMs: 500 });
    expect(pace.canAnswerWithin(1, 0)).toBe(true);
    expect(pace.canAnswerWithin(0, 0)).toBe(false);
    const nowMs = answer(pace, 0, { tookMs: 40, everyMs: 1, open: 4, ms: 1_000 });
    expect(pace.canAnswerWithin(25, nowMs)).toBe(true);
    expect(pace.canAnswerWithin(5, nowMs)).toBe(false);
    expect(pace.canAnswerWithin(5, nowMs + 10_000)).toBe(true);
  });
});
