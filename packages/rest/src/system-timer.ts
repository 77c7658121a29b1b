import type { Timer } from "./response/stream.ts";

/** The maximum delay of a Node timer. */
const timerMaxMs = 2 ** 31 - 1;

/** System timers for delays of any length. A pending timer does not keep the process alive. */
export const systemTimer: Timer = {
  after(delayMs, callback) {
    // A Node timer with a longer delay fires at once, and one with a negative delay logs a warning.
    const ownMs = Math.min(Math.max(delayMs || 0, 0), timerMaxMs);
    let cancel = () => clearTimeout(timer);
    const timer = setTimeout(() => {
      if (delayMs > ownMs) {
        cancel = systemTimer.after(delayMs - ownMs, callback);
      } else {
        callback();
      }
    }, ownMs);
    timer.unref?.();
    return () => cancel();
  },
};
