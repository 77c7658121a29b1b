import { createHash } from "node:crypto";
import type { Clock } from "@parley/rpc";

/** What happened in a simulation, line by line: two runs of a seed are the same if their hashes are. */
export interface History {
  note(line: string): void;
  readonly lines: readonly string[];
  /** SHA-256 over all lines, in hexadecimal. */
  hash(): string;
}

/** Lines kept of one run. Far more than a run has that ends: one that goes round in circles must not fill the memory. */
const linesMax = 200_000;

export function createHistory(clock: Clock): History {
  const lines: string[] = [];
  return {
    lines,
    note(line) {
      if (lines.length >= linesMax) throw new Error(`A simulation made more than ${linesMax} lines of history.`);
      lines.push(`${clock.monotonic().toFixed(3)} ${line}`);
    },
    hash: () => createHash("sha256").update(lines.join("\n")).digest("hex"),
  };
}
