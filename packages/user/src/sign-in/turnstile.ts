/** Lets few through at once; the others wait in a line that has an end. */
export interface Turnstile {
  /** Does `work` when there is room. Throws {@link TurnstileFullError} if the line is full, the signal's reason if it aborts before. */
  pass<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** So many are waiting that waiting would not be worth it. */
export class TurnstileFullError extends Error {
  override readonly name = "TurnstileFullError";
}

export function createTurnstile(options: { readonly atOnce: number; readonly waitingMax: number }): Turnstile {
  const { atOnce, waitingMax } = options;
  const line = new Set<() => void>();
  let inside = 0;

  function leave() {
    inside--;
    for (const enter of line) {
      line.delete(enter);
      enter();
      return;
    }
  }

  function wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener("abort", abort);
        inside++;
        resolve();
      };
      const abort = () => {
        line.delete(enter);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      line.add(enter);
    });
  }

  return {
    async pass(work, signal) {
      signal?.throwIfAborted();
      if (inside < atOnce) {
        inside++;
      } else if (line.size >= waitingMax) {
        throw new TurnstileFullError(`${waitingMax} are waiting already`);
      } else {
        await wait(signal);
      }
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
