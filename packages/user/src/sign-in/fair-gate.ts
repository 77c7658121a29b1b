/** Admits a few pieces of work at once. The others wait in a queue a key, and the keys take turns. */
export interface FairGate {
  /**
   * Does `work` when there is room. Throws {@link FairGateFullError} where the queue is full and the key has its share of it, or
   * the signal's reason where it aborts before.
   */
  pass<T>(
    work: () => Promise<T>,
    caller: { readonly key: string; readonly signal?: AbortSignal | undefined },
  ): Promise<T>;
}

export interface FairGateOptions {
  readonly atOnce: number;
  /** How many wait at most, of all keys together. */
  readonly waitingMax: number;
}

/** The queue is full. */
export class FairGateFullError extends Error {
  override readonly name = "FairGateFullError";
}

interface Waiting {
  admit(): void;
  refuse(reason: unknown): void;
}

export function createFairGate({ atOnce, waitingMax }: FairGateOptions): FairGate {
  /** The queues by key, in the order in which they take turns. None is empty. */
  const queues = new Map<string, Waiting[]>();
  let waitingCount = 0;
  let inside = 0;

  function leave() {
    inside--;
    for (const [key, queue] of queues) {
      const next = queue.shift();
      queues.delete(key);
      if (queue.length > 0) {
        queues.set(key, queue);
      }
      waitingCount--;
      next?.admit();
      return;
    }
  }

  function remove(key: string, waiting: Waiting) {
    const queue = queues.get(key);
    const index = queue?.indexOf(waiting) ?? -1;
    if (queue !== undefined && index >= 0) {
      queue.splice(index, 1);
      waitingCount--;
      if (queue.length === 0) {
        queues.delete(key);
      }
    }
  }

  /** Where the queue is full, the last of the longest queue gives way to a key that waits for less. */
  function makeRoom(key: string) {
    let [longestKey, longest]: [string, Waiting[]] = ["", []];
    for (const [other, queue] of queues) {
      if (queue.length > longest.length) {
        [longestKey, longest] = [other, queue];
      }
    }
    const last = longest.at(-1);
    if (last === undefined || (queues.get(key)?.length ?? 0) + 1 >= longest.length) {
      throw new FairGateFullError(`${waitingMax} are waiting already`);
    }
    remove(longestKey, last);
    last.refuse(new FairGateFullError(`${waitingMax} are waiting, and others wait for less`));
  }

  function wait(key: string, signal: AbortSignal | undefined): Promise<void> {
    if (waitingCount >= waitingMax) {
      makeRoom(key);
    }
    return new Promise((resolve, reject) => {
      const settle = () => signal?.removeEventListener("abort", abort);
      const waiting: Waiting = {
        admit() {
          settle();
          inside++;
          resolve();
        },
        refuse(reason) {
          settle();
          reject(reason);
        },
      };
      const abort = () => {
        remove(key, waiting);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      queues.set(key, [...(queues.get(key) ?? []), waiting]);
      waitingCount++;
    });
  }

  return {
    async pass(work, { key, signal }) {
      signal?.throwIfAborted();
      if (inside < atOnce) {
        inside++;
      } else {
        await wait(key, signal);
      }
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
