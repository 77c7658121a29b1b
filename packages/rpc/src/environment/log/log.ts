import { type DestinationStream, destination, type Logger, pino } from "pino";
import { gatherLines } from "./gathered-lines.ts";
import { boundLogLine } from "./log-line.ts";
import { toLogfmt } from "./logfmt.ts";

export interface LogOptions {
  /** The logger's name, for example the service's. On every line as `name`. */
  readonly name: string;
  /** The lowest level that is written. `info` by default. */
  readonly logLevel?: LogLevel;
  /** The format of lines. `json` by default. */
  readonly logFormat?: LogFormat;
  /** The destination of lines. By default standard output, through a buffer that is written after at most 100 ms and at exit. */
  readonly logDestination?: DestinationStream;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
export type LogFormat = "json" | "logfmt";

/** A log of one line an entry, each of bounded length. */
export function createLog(options: LogOptions): Logger {
  const { name, logLevel = "info", logFormat = "json", logDestination = standardOutput() } = options;
  const stream: DestinationStream & { tee?: (line: string) => void } = {
    write(line: string) {
      const bounded = boundLogLine(line);
      this.tee?.(bounded);
      logDestination.write(logFormat === "json" ? bounded : toLogfmt(bounded));
    },
  };
  const log = pino({ name, level: logLevel, base: {}, formatters: { level: (level) => ({ level }) } }, stream);
  lineWriters.set(log, { name, write: (line) => stream.write(line) });
  streams.set(log, stream);
  if (options.logDestination === undefined) {
    reporter ??= log;
  }
  return log;
}

const streams = new WeakMap<Logger, { tee?: (line: string) => void }>();

/** Passes each line of a log made by {@link createLog} to another reader too, as JSON and of bounded length. */
export function teeLog(log: Logger, onLine: (line: string) => void): void {
  const stream = streams.get(log);
  if (stream !== undefined) {
    stream.tee = onLine;
  }
}

/** The destination of lines that a caller formats itself, one for each call, in the log's own format. */
export interface LineWriter {
  /** The logger's name. */
  readonly name: string;
  /** Writes a line of JSON that ends with a line break. It is truncated and formatted like all others. */
  write(line: string): void;
}

const lineWriters = new WeakMap<Logger, LineWriter>();

/** The writer of a log made by {@link createLog}; undefined for any other, also for its children. */
export function lineWriterOf(log: Logger): LineWriter | undefined {
  return lineWriters.get(log);
}

/**
 * One for all logs of a process. Written asynchronously and in batches, since a write for each line would cost more than its call. Where nothing reads
 * standard output, lines beyond `unwrittenBytesMax` are dropped and counted.
 */
function standardOutput(): DestinationStream {
  if (sharedOutput === undefined) {
    const output = destination({ dest: 1, sync: false, maxWrite: writeBytesMax, maxLength: unwrittenBytesMax });
    let dropped = 0;
    output.on("drop", (lines: string) => {
      dropped += lines.split("\n").length - 1;
    });
    output.on("drain", () => {
      if (dropped > 0) {
        const lines = dropped;
        dropped = 0;
        reporter?.warn({ lines }, "log lines dropped: standard output is read too slowly");
      }
    });
    sharedOutput = gatherLines(output);
  }
  return sharedOutput;
}

let sharedOutput: DestinationStream | undefined;

/** The first log on standard output reports the dropped lines of all, in its own format. */
let reporter: Logger | undefined;

/**
 * A write ends in a later turn of the event loop. With the default of 16 KiB, the lines of a busy server would be written more slowly than they come, and
 * fill the heap.
 */
const writeBytesMax = 256 * 1024;

/** The lines of some 40,000 calls. */
const unwrittenBytesMax = 16 * 1024 * 1024;
