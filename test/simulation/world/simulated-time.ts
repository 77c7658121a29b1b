import type { Clock } from "@parley/rpc";

/** Time that passes only as far as there is something to do. Nothing in a simulation waits for any other. */
export interface SimulatedTime extends Clock {
  /** Runs what falls due, in order of time, until `enough` says so or nothing is due any more before `limitMs`. */
  run(limitMs: number, enough?: () => boolean): Promise<void>;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** When simulated time begins (milliseconds since the Unix epoch). */
export const startTimeMs = Date.UTC(2026, 0, 1);

/** Makes a time of its own. What falls due at the same moment runs in the order in which it was asked for. */
export function createSimulatedTime(): SimulatedTime {
  const heap: Due[] = [];
  let elapsedMs = 0;
  let order = 0;

  return {
    // Whole milliseconds, as the machine's clock has them; `monotonic` is finer, as the machine's is.
    now: () => startTimeMs + Math.floor(elapsedMs),
    monotonic: () => elapsedMs,
    after(delayMs, callback) {
      const due: Due = { atMs: elapsedMs + Math.max(0, delayMs), order: order++, callback };
      push(heap, due);
      return () => {
        due.callback = undefined;
      };
    },
    async run(limitMs, enough = () => false) {
      await settled();
      while (!enough()) {
        const due = heap[0];
        if (due === undefined || due.atMs > limitMs) {
          elapsedMs = Math.max(elapsedMs, limitMs);
          return;
        }
        pop(heap);
        const { callback } = due;
        if (callback === undefined) continue;
        elapsedMs = due.atMs;
        callback();
        await settled();
      }
    },
  };
}

/**
 * Lets every promise settle that can: a turn of the event loop comes after them all. What is simulated itself never waits for a
 * turn, so the machine's own pace decides nothing.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(left: Due, right: Due): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}

function push(heap: Due[], due: Due): void {
  let index = heap.push(due) - 1;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || !isBefore(due, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = due;
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let childIndex = 2 * index + 1;
    let child = heap[childIndex];
    if (child === undefined) break;
    const right = heap[childIndex + 1];
    if (right !== undefined && isBefore(right, child)) {
      child = right;
      childIndex++;
    }
    if (!isBefore(child, last)) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
}
