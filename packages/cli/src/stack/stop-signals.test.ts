import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type StopSignals, watchSignals } from "./stop-signals.ts";

let signals: StopSignals;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
});
afterEach(() => {
  signals.dispose();
  vi.useRealTimers();
});

/** Whether a second press was detected, after signals at these times, in milliseconds. */
async function isSecondPress(underNpm: boolean, timesMs: readonly number[]): Promise<boolean> {
  signals = watchSignals({ underNpm });
  let second = false;
  signals.second.then(() => {
    second = true;
  });
  let nowMs = 0;
  for (const timeMs of timesMs) {
    vi.advanceTimersByTime(timeMs - nowMs);
    nowMs = timeMs;
    process.emit("SIGINT", "SIGINT");
  }
  await Promise.resolve();
  return second;
}

it.each([
  [false, [0], false],
  [false, [0, 5], false],
  [false, [0, 120], true],
  [false, [0, 5, 300], true],
  [false, [0, 5_000], true],
  // npm forwards its signals: one press is two signals, two presses are three or four.
  [true, [0, 5], false],
  [true, [0, 300], false],
  [true, [0, 5, 200], true],
  [true, [0, 80, 200], true],
  [true, [0, 80, 200, 280], true],
  [true, [0, 600], true],
])("under npm: %j, signals at %j ms: a second press is %j", async (underNpm, timesMs, expected) => {
  expect(await isSecondPress(underNpm, timesMs)).toBe(expected);
});
