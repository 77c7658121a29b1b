import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** The output of the command line. */
export interface Terminal {
  /** Whether it is a terminal. If not, the services' lines pass through unchanged, for programs. */
  readonly interactive: boolean;
  readonly colors: Colors;
  /** The width of a line; unlimited without a terminal. */
  readonly width: number;
  /** A line of the command itself: to standard output, or to standard error if standard output is for a program. */
  say(line?: string): void;
  /** A line of a service. */
  log(line: string): void;
  /** A line that stays below all others until it is replaced, or removed with undefined. No effect without a terminal. */
  status(line: string | undefined): void;
}

interface Streams {
  readonly output: NodeJS.WriteStream;
  readonly errorOutput: NodeJS.WriteStream;
}

/** The width of a terminal that does not report it. */
const columnsDefault = 80;
const clearLine = "\r\u001b[2K";

/** The terminal of this process. Colours follow NO_COLOR and FORCE_COLOR. */
export function createTerminal({ output, errorOutput }: Streams = systemStreams()): Terminal {
  const interactive = output.isTTY === true;
  let status: string | undefined;
  const write = (stream: NodeJS.WriteStream, line: string) => {
    if (status === undefined) {
      stream.write(`${line}\n`);
    } else {
      stream.write(`${clearLine}${line}\n${status}`);
    }
  };
  return {
    interactive,
    get width() {
      return interactive ? output.columns || columnsDefault : Number.POSITIVE_INFINITY;
    },
    colors: picocolors.createColors(interactive && picocolors.isColorSupported),
    say: (line = "") => write(interactive ? output : errorOutput, line),
    log: (line) => write(output, line),
    status(line) {
      if (!interactive || line === status) {
        return;
      }
      // Truncated to the width: a status of two rows could not be cleared.
      const next = line?.slice(0, (output.columns || columnsDefault) - 1);
      output.write(status === undefined ? (next ?? "") : clearLine + (next ?? ""));
      status = next;
    },
  };
}

function systemStreams(): Streams {
  return { output: process.stdout, errorOutput: process.stderr };
}
