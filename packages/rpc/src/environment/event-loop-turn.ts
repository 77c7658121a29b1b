/** The time in one event-loop turn for messages that are buffered already, in milliseconds. Other work waits that long at most. */
const turnMsMax = 5;

let startedMs = -1;

type Work = () => void;

/** Work that waits for a later turn, by its owner. The owners are served in rotation. */
const waiting = new Map<unknown, Work[]>();
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
 * turn would need all of its time for that. `owner`: a thousand works of one owner delay that of another no more than one does. Default: an owner of its
 * own.
 */
export function inLaterTurn(work: Work, owner: unknown = work): void {
  const others = waiting.get(owner);
  if (others !== undefined) {
    others.push(work);
    return;
  }
  waiting.set(owner, [work]);
  if (waiting.size === 1) {
    setImmediate(runWaiting);
  }
}

/** Runs the work now, or in a later turn if this one is over or other work waits. */
export function inTurn(work: Work, owner: unknown): void {
  if (waiting.size > 0 || turnIsOver()) {
    inLaterTurn(work, owner);
  } else {
    work();
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
  for (const [owner, works] of waiting) {
    const work = works.shift();
    try {
      work?.();
    } finally {
      waiting.delete(owner);
      if (works.length > 0) {
        // Behind the other owners.
        waiting.set(owner, works);
      }
      scheduleNext();
    }
    return;
  }
}

function scheduleNext(): void {
  if (waiting.size === 0) {
    return;
  }
  if (performance.now() < endMs) {
    // After the microtasks that the work has queued, so that their time counts as well.
    queueMicrotask(runNext);
  } else {
    setImmediate(runWaiting);
  }
}
