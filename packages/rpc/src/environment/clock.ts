/** Time, passed in so that a test or a simulation can control it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when the machine's time is set. */
  now(): number;
  /** Milliseconds since some moment in the past. Never decreases: for measuring durations. */
  monotonic(): number;
  /**
   * Calls back once, `delayMs` from now; zero and less mean as soon as possible, Infinity never. Returns a function that cancels it. A pending call
   * does not keep the process alive.
   */
  after(delayMs: number, callback: () => void): () => void;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    if (delayMs > timerMaxMs) {
      return afterLong(delayMs, callback);
    }
    // Node warns of a negative delay and of NaN.
    const timer = setTimeout(callback, Math.max(delayMs || 0, 0));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The longest delay of a Node timer: a longer one fires at once. */
const timerMaxMs = 2 ** 31 - 1;

/** A delay that is too long for one timer: a chain of timers. */
function afterLong(delayMs: number, callback: () => void): () => void {
  const dueMs = performance.now() + delayMs;
  let cancel = systemClock.after(timerMaxMs, next);
  function next(): void {
    const leftMs = dueMs - performance.now();
    if (leftMs > 0) {
      cancel = systemClock.after(Math.min(leftMs, timerMaxMs), next);
    } else {
      callback();
    }
  }
  return () => cancel();
}

/** Waits `delayMs`. Rejects with the signal's reason as soon as the signal aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    function abort() {
      cancel();
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", abort, { once: true });
  });
}
