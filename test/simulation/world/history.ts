import { createHash } from "node:crypto";
import type { Clock } from "@parley/rpc";

/** The history of a simulation, line by line. Two runs of a seed are the same if their hashes are equal. */
export interface History {
  note(line: string): void;
  readonly lines: readonly string[];
  /** SHA-256 over all lines, in hexadecimal. */
  hash(): string;
}

/** The maximum number of lines kept. Far more than a run that ends has; it bounds memory in an endless loop. */
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
