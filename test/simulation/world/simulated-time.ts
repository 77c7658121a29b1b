import type { Clock } from "@parley/rpc";

/** A clock that advances directly to the next timer. A simulation never waits for real time. */
export interface SimulatedTime extends Clock {
  /** Runs due timers in order of time, until `enough` returns true or no timer is due before `limitMs`. */
  run(limitMs: number, enough?: () => boolean): Promise<void>;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** The start of simulated time (milliseconds since the Unix epoch). */
export const startTimeMs = Date.UTC(2026, 0, 1);

/** Creates a simulated clock. Timers that are due at the same moment run in the order of their creation. */
export function createSimulatedTime(): SimulatedTime {
  const heap: Due[] = [];
  let elapsedMs = 0;
  let order = 0;

  return {
    // Whole milliseconds, like the system clock; `monotonic` has a finer resolution, like the system's.
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
 * Waits until all pending promises have settled: a turn of the event loop follows all microtasks. Simulated code never waits for
 * a turn, so the machine's pace has no influence.
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
