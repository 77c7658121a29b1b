/** How long one turn of the event loop may go on with messages that are there already, in milliseconds. Others wait that long at most. */
const turnMsMax = 5;

let startedMs = -1;

/**
 * Whether this turn of the event loop has gone on for so long that others should have theirs: then go on in a `setImmediate`. Promises that are
 * settled already never leave the turn, so that a loop over messages that are there needs to ask.
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
