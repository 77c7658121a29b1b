import type { Clock } from "@parley/rpc";

/** Waits that another function can end. */
export interface WakeUp {
  /** Ends the current `wait`, or the next one. Does not end a `pause`. */
  readonly wake: () => void;
  /** Discards earlier calls of `wake`. */
  reset(): void;
  /** Waits for `wake`, `maxMs` at most. */
  wait(maxMs: number): Promise<void>;
  /** Waits `durationMs`, whether woken or not. `interrupt` ends it. */
  pause(durationMs: number): Promise<void>;
  /** Ends the current `wait` or `pause`, or the next `wait`. */
  readonly interrupt: () => void;
  /** Ends every wait, now and in future. Timers do not keep the process alive, so shutdown must not wait for one. */
  readonly close: () => void;
}

export function createWakeUp(clock: Clock): WakeUp {
  let woken = false;
  let closed = false;
  let end = () => {};

  function waitAtMost(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(durationMs, resolve);
      end = () => {
        cancel();
        resolve();
      };
    });
  }

  let pausing = false;
  return {
    wake() {
      woken = true;
      if (!pausing) {
        end();
      }
    },
    interrupt() {
      woken = true;
      end();
    },
    reset() {
      woken = false;
    },
    async wait(maxMs) {
      if (!woken && !closed) {
        await waitAtMost(maxMs);
      }
    },
    async pause(durationMs) {
      if (!closed && durationMs > 0) {
        pausing = true;
        await waitAtMost(durationMs);
        pausing = false;
      }
    },
    close() {
      closed = true;
      end();
    },
  };
}
