import { describe, expect, test } from "vitest";
import { MethodPace } from "./method-pace.ts";

/** Records a response every `everyMs` for `ms`, each with a latency of `tookMs`, while `open` calls are open. Returns the time afterwards. */
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

describe("the concurrency limit of a method", () => {
  test("is infinite while the latency does not rise, for fast and for slow methods", () => {
    for (const tookMs of [1, 5_000]) {
      const pace = new MethodPace({ queueTimeMaxMs: 500 });
      answer(pace, 0, { tookMs, everyMs: 1, open: 900, ms: 5_000 });
      expect(pace.limit).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test("falls while even the fastest responses are late, and is infinite again once they are not", () => {
    const pace = new MethodPace({ queueTimeMaxMs: 500 });
    let nowMs = answer(pace, 0, { tookMs: 5, everyMs: 1, open: 4, ms: 1_000 });
    nowMs = answer(pace, nowMs, { tookMs: 2_000, everyMs: 1, open: 2_000, ms: 250 });
    expect(pace.limit).toBeLessThan(1_000);
    expect(pace.limit).toBeGreaterThanOrEqual(64);
    nowMs = answer(pace, nowMs, { tookMs: 5, everyMs: 1, open: 4, ms: 1_000 });
    // The limit recovers within a second.
    expect(pace.limit).toBeGreaterThan(150);
    nowMs = answer(pace, nowMs, { tookMs: 5, everyMs: 1, open: 4, ms: 30_000 });
    expect(pace.limit).toBe(Number.POSITIVE_INFINITY);
  });

  test("does not fall if only some responses are slow", () => {
    const pace = new MethodPace({ queueTimeMaxMs: 500 });
    for (let atMs = 0; atMs < 5_000; atMs++) {
      pace.answered(atMs % 4 === 0 ? 2 : 3_000, atMs);
    }
    expect(pace.limit).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a call near its deadline", () => {
  test("is refused if the fastest recent latency is more than twice the time left, and accepted once that is outdated", () => {
    const pace = new MethodPace({ queueTimeMaxMs: 500 });
    expect(pace.canAnswerWithin(1, 0)).toBe(true);
    expect(pace.canAnswerWithin(0, 0)).toBe(false);
    const nowMs = answer(pace, 0, { tookMs: 40, everyMs: 1, open: 4, ms: 1_000 });
    expect(pace.canAnswerWithin(25, nowMs)).toBe(true);
    expect(pace.canAnswerWithin(5, nowMs)).toBe(false);
    expect(pace.canAnswerWithin(5, nowMs + 10_000)).toBe(true);
  });
});
