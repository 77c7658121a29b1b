/** The time in one event-loop turn for messages that are buffered already, in milliseconds. Other work waits that long at most. */
const turnMsMax = 5;

let startedMs = -1;

/** Work that waits for a later turn, in order. */
let waiting: (() => void)[] = [];
/** The number of entries of `waiting` that have begun. */
let begun = 0;
/** The end of the time for waiting work in this turn. */
let endMs = 0;

/**
 * Whether this event-loop turn has lasted so long that other work should run: then continue with {@link inLaterTurn} or in a `setImmediate`.
 * Settled promises never leave the turn, so a loop over buffered messages needs to ask.
 */
export function turnIsOver(): boolean {
  const nowMs = performance.now();
  if (startedMs < 0) {
    startedMs = nowMs;
    setImmediate(endTurn);
    return false;
  }
  return nowMs - startedMs > turnMsMax;
}

/**
 * Runs the work in a later turn, which has time for it: it must not ask {@link turnIsOver} again. Thousands of streams that asked again in each
 * turn would need all of its time for that.
 */
export function inLaterTurn(work: () => void): void {
  waiting.push(work);
  if (waiting.length === 1) {
    setImmediate(runWaiting);
  }
}

function endTurn(): void {
  startedMs = -1;
}

function runWaiting(): void {
  endMs = performance.now() + turnMsMax;
  runNext();
}

function runNext(): void {
  const work = waiting[begun++] as () => void;
  try {
    work();
  } finally {
    if (begun === waiting.length) {
      waiting = [];
      begun = 0;
    } else if (performance.now() < endMs) {
      // After the microtasks that the work has queued, so that their time counts as well.
      queueMicrotask(runNext);
    } else {
      waiting = waiting.slice(begun);
      begun = 0;
      setImmediate(runWaiting);
    }
  }
}
