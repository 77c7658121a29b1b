import type { Timer } from "./response/stream.ts";

/** The longest delay of one timer. */
const timerMaxMs = 2 ** 31 - 1;

/** The machine's own timers, for delays of any length. A pending one does not keep the process alive. */
export const systemTimer: Timer = {
  after(delayMs, callback) {
    // Node's timers fire at once where the delay is longer than they can hold, and warn of one that is negative.
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
