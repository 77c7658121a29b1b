/** A callback with its due time. */
export interface Timer {
  readonly dueMs: number;
  /** The scheduling order, for callbacks with the same due time. */
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Timers sorted by due time: a binary heap, because a simulation has thousands. */
export class TimerQueue {
  readonly #heap: Timer[] = [];

  add(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(timer, above)) {
        break;
      }
      heap[index] = above;
      index = parent;
    }
    heap[index] = timer;
  }

  /** The next timer that is not cancelled. It stays in the queue. */
  peek(): Timer | undefined {
    while (this.#heap[0]?.cancelled) {
      this.take();
    }
    return this.#heap[0];
  }

  /** Removes and returns the first timer. */
  take(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) {
      return first;
    }
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? 2 * index + 2 : 2 * index + 1;
      const below = heap[child];
      if (below === undefined || !isBefore(below, last)) {
        break;
      }
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
