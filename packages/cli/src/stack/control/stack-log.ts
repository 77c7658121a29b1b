/** A line that a process of the stack wrote. */
export interface StackLogLine {
  /** Counts up over all processes. */
  readonly number: number;
  readonly process: string;
  readonly timeMs: number;
  readonly text: string;
}

/** The number of last lines kept for each process: at most 8 MiB, with lines of 16 KiB. */
export const keptLinesMax = 500;

/** The longest line that is kept, in characters. */
const lineCharsMax = 16 * 1024;

/** The last lines of a stack's processes, and their followers. */
export class StackLog {
  readonly #kept = new Map<string, StackLogLine[]>();
  readonly #followers = new Set<(line: StackLogLine) => void>();
  #last = 0;

  add(process: string, text: string): void {
    const line = { number: ++this.#last, process, timeMs: Date.now(), text: text.slice(0, lineCharsMax) };
    let lines = this.#kept.get(process);
    if (lines === undefined) {
      lines = [];
      this.#kept.set(process, lines);
    }
    lines.push(line);
    if (lines.length > keptLinesMax) {
      lines.shift();
    }
    for (const follower of this.#followers) {
      follower(line);
    }
  }

  /** The last lines of a process, or of each if none is named, oldest first. */
  last(process: string, count: number): readonly StackLogLine[] {
    const chosen = process === "" ? [...this.#kept.values()] : [this.#kept.get(process) ?? []];
    return chosen.flatMap((lines) => lines.slice(-count)).sort((one, other) => one.number - other.number);
  }

  /** Calls back for each line from now on, until the returned function is called. */
  follow(follower: (line: StackLogLine) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
