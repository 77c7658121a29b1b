/** A concurrency limit with fair queueing: functions above the limit wait in one queue per key, and the queues are served round-robin. */
export interface FairGate {
  /**
   * Calls `work` when fewer than `atOnce` functions run. Throws {@link FairGateFullError} if the queues are full and the key has its share of
   * them, or the signal's reason if it aborts first.
   */
  pass<T>(
    work: () => Promise<T>,
    caller: { readonly key: string; readonly signal?: AbortSignal | undefined },
  ): Promise<T>;
}

export interface FairGateOptions {
  readonly atOnce: number;
  /** The most waiting calls, of all keys together. */
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
  /** The queues by key, in the order of their turns. None is empty. */
  const queues = new Map<string, Waiting[]>();
  let waitingCount = 0;
  let active = 0;

  function release() {
    active--;
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

  /** If the queue is full, refuses the last of the longest queue in favour of a key with fewer waiting calls. */
  function makeRoom(key: string) {
    let [longestKey, longest]: [string, Waiting[]] = ["", []];
    for (const [other, queue] of queues) {
      if (queue.length > longest.length) {
        [longestKey, longest] = [other, queue];
      }
    }
    const last = longest.at(-1);
    if (last === undefined || (queues.get(key)?.length ?? 0) + 1 >= longest.length) {
      throw new FairGateFullError(`The queue is full: ${waitingMax} calls are waiting.`);
    }
    remove(longestKey, last);
    last.refuse(
      new FairGateFullError(`The queue is full: ${waitingMax} calls are waiting, and this key has the most.`),
    );
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
          active++;
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
      if (active < atOnce) {
        active++;
      } else {
        await wait(key, signal);
      }
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
