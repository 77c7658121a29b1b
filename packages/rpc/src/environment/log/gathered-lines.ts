/** The destination of batched lines, with the interface of pino's destinations. */
export interface Outlet {
  write(text: string): unknown;
  /** Writes its argument before it returns. */
  flushSync(): void;
}

/** The size of a batch. */
const piecesCharsMax = 12_288;
/** The longest time that a line waits for others. */
const waitMs = 100;

/**
 * Batches lines: written after 12 KiB, or 100 ms, or when the process exits. pino's own buffer measures its whole
 * content again for each line, which costs more than building the line.
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
  // Before the outlet's own listeners, which flush or close it.
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
