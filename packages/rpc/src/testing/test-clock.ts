import type { Clock } from "../environment/clock.ts";
import { type Timer, TimerQueue } from "./timer-queue.ts";

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  /**
   * Moves time on by `durationMs` and runs the calls that fall due on the way, in the order of their times, each at its own
   * time. Promises settle before the first, between any two, and after the last.
   */
  advance(durationMs: number): Promise<void>;
  /** Moves time on to the next pending call and runs it, or answers false where nothing is pending. */
  advanceToNext(): Promise<boolean>;
  /** Lets promises settle; time stands still. */
  settle(): Promise<void>;
  /** How many calls are pending. */
  readonly pendingCount: number;
}

/** Work outside this process that a test clock waits for before it moves. None by default. */
export const outsideWork: { idle?: () => Promise<void> } = {};

/** Makes a clock that begins at `startMs` (milliseconds since the Unix epoch; default 2026-01-01T00:00:00Z). */
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
 * A turn of the event loop: every promise that can settle without a timer or the network has settled by then. Where tests run on a database
 * server, its answers are waited for too.
 */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await outsideWork.idle?.();
}
