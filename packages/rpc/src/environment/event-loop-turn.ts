/** The time in one event-loop turn for messages that are buffered already, in milliseconds. Other work waits that long at most. */
const turnMsMax = 5;

let startedMs = -1;

/**
 * Whether this event-loop turn has lasted so long that other work should run: then continue in a `setImmediate`. Settled
 * promises continue in the same turn, so a loop over buffered messages needs this check.
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

function endTurn(): void {
  startedMs = -1;
}
