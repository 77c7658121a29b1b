/** A call that is due at some time. */
export interface Timer {
  readonly dueMs: number;
  /** Which was asked for first, where two are due at the same time. */
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Timers in the order in which they fall due: a binary heap, since a simulation has thousands. */
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

  /** The next timer that is not cancelled; it stays in the queue. */
  peek(): Timer | undefined {
    while (this.#heap[0]?.cancelled) {
      this.take();
    }
    return this.#heap[0];
  }

  /** Takes the first timer out. */
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
