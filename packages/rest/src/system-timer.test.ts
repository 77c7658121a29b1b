import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemTimer } from "./system-timer.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([1, 2 ** 31 - 1, 2 ** 31, 100 * 86_400_000])("a timer of %i ms fires on time and not before", (delayMs) => {
  const callback = vi.fn();
  systemTimer.after(delayMs, callback);
  vi.advanceTimersByTime(delayMs - 1);
  expect(callback).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(callback).toHaveBeenCalledTimes(1);
});

it("a negative delay counts as 0, and a canceled timer never fires", () => {
  const [soon, never] = [vi.fn(), vi.fn()];
  systemTimer.after(-5, soon);
  const cancel = systemTimer.after(30 * 86_400_000, never);
  vi.advanceTimersByTime(25 * 86_400_000);
  cancel();
  vi.advanceTimersByTime(25 * 86_400_000);
  expect([soon.mock.calls.length, never.mock.calls.length]).toEqual([1, 0]);
});
