import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Where the command line writes. */
export interface Terminal {
  /** Whether a person is looking. If not, the services' lines are passed on as they are, for a program to read. */
  readonly interactive: boolean;
  readonly colors: Colors;
  /** How many characters a line may have; unlimited where no person looks. */
  readonly width: number;
  /** A line of the command's own: to the output, or to the error output where the output is a program's. */
  say(line?: string): void;
  /** A line of a service. */
  log(line: string): void;
  /** A line that stays below all others until it is replaced, or removed with undefined. Nothing where nobody looks. */
  status(line: string | undefined): void;
}

interface Streams {
  readonly output: NodeJS.WriteStream;
  readonly errorOutput: NodeJS.WriteStream;
}

/** What a terminal has that does not tell. */
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
      // Cut to the width: a status of two rows could not be taken back.
      const next = line?.slice(0, (output.columns || columnsDefault) - 1);
      output.write(status === undefined ? (next ?? "") : clearLine + (next ?? ""));
      status = next;
    },
  };
}

function systemStreams(): Streams {
  return { output: process.stdout, errorOutput: process.stderr };
}
