/** Where gathered lines go, as pino's destinations are. */
export interface Outlet {
  write(text: string): unknown;
  /** Writes out, before it returns, what it was given. */
  flushSync(): void;
}

/** What is handed over at once. */
const piecesCharsMax = 12_288;
/** How long a line may wait for others. */
const waitMs = 100;

/**
 * Gathers lines and hands them over in pieces: after 12 KiB, or 100 ms, or when the process ends. pino's own buffer measures all of what it
 * holds anew for each line that comes, which costs more than making the line.
 */
export function gatherLines(outlet: Outlet): { write(line: string): void } {
  let held = "";
  let waiting = false;
  function handOver() {
    if (held !== "") {
      const piece = held;
      held = "";
      outlet.write(piece);
    }
  }
  function onTime() {
    waiting = false;
    handOver();
  }
  // Before the outlet's own listeners, which write out or close what there is by then.
  process.prependListener("beforeExit", handOver);
  process.prependListener("exit", () => {
    handOver();
    outlet.flushSync();
  });
  return {
    write(line) {
      held += line;
      if (held.length >= piecesCharsMax) {
        handOver();
      } else if (!waiting) {
        waiting = true;
        setTimeout(onTime, waitMs).unref();
      }
    },
  };
}
