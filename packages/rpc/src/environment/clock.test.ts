import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "./clock.ts";

const dayMs = 86_400_000;

describe("the machine's clock", () => {
  const warnings: string[] = [];
  const warned = (warning: Error) => warnings.push(warning.name);
  beforeEach(() => {
    vi.useFakeTimers();
    process.on("warning", warned);
    warnings.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    process.off("warning", warned);
  });

  it.each([2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 30 * dayMs, 365 * dayMs])(
    "calls back after %i ms and not before, though Node's timers hold 2^31-1 ms at most",
    (delayMs) => {
      const callback = vi.fn();
      systemClock.after(delayMs, callback);
      vi.advanceTimersByTime(delayMs - 1);
      expect(callback).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(callback).toHaveBeenCalledTimes(1);
    },
  );

  it("never calls back after cancellation, in any of the timers of a long delay", () => {
    const callback = vi.fn();
    const cancel = systemClock.after(100 * dayMs, callback);
    vi.advanceTimersByTime(60 * dayMs);
    cancel();
    vi.advanceTimersByTime(60 * dayMs);
    expect([callback.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("never calls back after an infinite delay, and at once after none or less, with no warning of Node's", async () => {
    const never = vi.fn();
    const soon = vi.fn();
    systemClock.after(Number.POSITIVE_INFINITY, never);
    for (const delayMs of [0, -1, -1e12, Number.NaN, Number.NEGATIVE_INFINITY]) {
      systemClock.after(delayMs, soon);
    }
    vi.advanceTimersByTime(100 * dayMs);
    expect([never.mock.calls.length, soon.mock.calls.length]).toEqual([0, 5]);
    vi.useRealTimers();
    for (const delayMs of [-5, Number.NaN, 2 ** 40, Number.POSITIVE_INFINITY]) {
      systemClock.after(delayMs, () => {})();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  });
});
