/**
 * The time for messages of streams within one event-loop turn, all streams together, in milliseconds. A loop over buffered messages
 * runs in microtasks, before which no timer fires and no socket is read.
 */
export const sliceMs = 10;

let startMs: number | undefined;
let waiting: (() => void)[] = [];

/** Whether this turn's time for messages is used up, so that the next message has to wait: see {@link onNextTurn}. */
export function sliceUsedUp(nowMs: number): boolean {
  if (startMs === undefined) {
    startMs = nowMs;
    setImmediate(nextTurn);
    return false;
  }
  return nowMs - startMs >= sliceMs;
}

/** Calls back once timers and sockets have had their turn. Only after {@link sliceUsedUp} returned true. */
export function onNextTurn(callback: () => void): void {
  waiting.push(callback);
}

function nextTurn(): void {
  startMs = undefined;
  const due = waiting;
  waiting = [];
  for (const callback of due) {
    callback();
  }
}
