import type { Clock } from "@parley/rpc";

/** Waits that somebody else can end. */
export interface WakeUp {
  /** Ends the wait under way, or the next one. */
  readonly wake: () => void;
  /** Forgets earlier calls of `wake`. */
  reset(): void;
  /** Waits until woken, `maxMs` at most. */
  wait(maxMs: number): Promise<void>;
  /** Waits `durationMs`, woken or not, unless hurried. */
  linger(durationMs: number): Promise<void>;
  /** Ends the wait or the lingering under way, or the next wait. */
  readonly hurry: () => void;
  /** Ends every wait at once, now and from now on. No timer of the clock may be waited for at the end: none keeps a process alive. */
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

  let lingering = false;
  return {
    wake() {
      woken = true;
      if (!lingering) {
        end();
      }
    },
    hurry() {
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
    async linger(durationMs) {
      if (!closed && durationMs > 0) {
        lingering = true;
        await waitAtMost(durationMs);
        lingering = false;
      }
    },
    close() {
      closed = true;
      end();
    },
  };
}
