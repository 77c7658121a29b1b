import type { Clock } from "@parley/rpc";

/** Waits that somebody else can end. */
export interface WakeUp {
  /** Ends the wait under way, or the next one. */
  readonly wake: () => void;
  /** Forgets earlier calls of `wake`. */
  reset(): void;
  /** Waits until woken, `maxMs` at most. */
  wait(maxMs: number): Promise<void>;
  /** Waits `durationMs`, woken or not. */
  linger(durationMs: number): Promise<void>;
}

export function createWakeUp(clock: Clock): WakeUp {
  let woken = false;
  let end = () => {};
  return {
    wake() {
      woken = true;
      end();
    },
    reset() {
      woken = false;
    },
    async wait(maxMs) {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(maxMs, resolve);
          end = () => {
            cancel();
            resolve();
          };
        });
      }
    },
    linger(durationMs) {
      return new Promise((resolve) => {
        clock.after(durationMs, resolve);
      });
    },
  };
}
