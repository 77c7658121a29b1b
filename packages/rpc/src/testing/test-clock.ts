import type { Clock } from "../environment/clock.ts";
import { type Timer, TimerQueue } from "./timer-queue.ts";

/** A clock that advances only when a test advances it. */
export interface TestClock extends Clock {
  /**
   * Advances the time by `durationMs` and runs the callbacks that become due, in the order of their times, each at its own time. Promises settle
   * before the first, between any two, and after the last.
   */
  advance(durationMs: number): Promise<void>;
  /** Advances to the next pending callback and runs it. Returns false if none is pending. */
  advanceToNext(): Promise<boolean>;
  /** Lets promises settle without advancing the time. */
  settle(): Promise<void>;
  /** The number of pending callbacks. */
  readonly pendingCount: number;
}

/** Work outside this process that a test clock awaits before it advances. None by default. */
export const outsideWork: { idle?: () => Promise<void> } = {};

/** Creates a clock that starts at `startMs` (milliseconds since the Unix epoch; default 2026-01-01T00:00:00Z). */
export function createTestClock(startMs: number = Date.UTC(2026, 0, 1)): TestClock {
  const timers = new TimerQueue();
  let pendingCount = 0;
  let elapsedMs = 0;
  let order = 0;

  function run(timer: Timer): Promise<void> {
    timers.take();
    timer.cancelled = true;
    pendingCount--;
    elapsedMs = Math.max(elapsedMs, timer.dueMs);
    timer.callback();
    return settle();
  }

  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, callback) {
      const timer: Timer = { dueMs: elapsedMs + Math.max(0, delayMs), order: order++, callback, cancelled: false };
      timers.add(timer);
      pendingCount++;
      return () => {
        pendingCount -= timer.cancelled ? 0 : 1;
        timer.cancelled = true;
      };
    },
    async advance(durationMs) {
      const untilMs = elapsedMs + durationMs;
      await settle();
      for (let timer = timers.peek(); timer !== undefined && timer.dueMs <= untilMs; timer = timers.peek()) {
        await run(timer);
      }
      elapsedMs = Math.max(elapsedMs, untilMs);
    },
    async advanceToNext() {
      await settle();
      const timer = timers.peek();
      if (timer === undefined) {
        return false;
      }
      await run(timer);
      return true;
    },
    settle,
    get pendingCount() {
      return pendingCount;
    },
  };
}

/**
 * Waits for one event-loop tick: every promise that needs no timer and no network has settled by then. If tests run on a database server, waits for
 * its responses too.
 */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await outsideWork.idle?.();
}
