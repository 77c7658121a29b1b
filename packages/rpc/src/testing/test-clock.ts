import type { Clock } from "../environment/clock.ts";

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

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Makes a clock that begins at `startMs` (milliseconds since the Unix epoch; default 2026-01-01T00:00:00Z). */
export function createTestClock(startMs: number = Date.UTC(2026, 0, 1)): TestClock {
  const timers = new Set<Timer>();
  let elapsedMs = 0;
  let order = 0;

  function next(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of timers) {
      if (
        earliest === undefined ||
        timer.dueMs < earliest.dueMs ||
        (timer.dueMs === earliest.dueMs && timer.order < earliest.order)
      ) {
        earliest = timer;
      }
    }
    return earliest;
  }

  function run(timer: Timer): Promise<void> {
    timers.delete(timer);
    elapsedMs = Math.max(elapsedMs, timer.dueMs);
    timer.callback();
    return settle();
  }

  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, callback) {
      const timer = { dueMs: elapsedMs + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(durationMs) {
      const untilMs = elapsedMs + durationMs;
      await settle();
      for (let timer = next(); timer !== undefined && timer.dueMs <= untilMs; timer = next()) {
        await run(timer);
      }
      elapsedMs = Math.max(elapsedMs, untilMs);
    },
    async advanceToNext() {
      await settle();
      const timer = next();
      if (timer === undefined) {
        return false;
      }
      await run(timer);
      return true;
    },
    settle,
    get pendingCount() {
      return timers.size;
    },
  };
}

/** A turn of the event loop: every promise that can settle without a timer or the network has settled by then. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
