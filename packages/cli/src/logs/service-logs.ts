import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from "node:fs";
import { join } from "node:path";

/** The size at which a log file is rotated, in bytes. One rotated file is kept. */
const fileBytesMax = 8 * 1024 * 1024;
/** The most that is buffered for a slow disk, in bytes. Further lines are dropped. */
const waitingBytesMax = 1024 * 1024;

/** The path of a service's log file. */
export function logFile(dataFolder: string, service: string): string {
  return join(dataFolder, "logs", `${service}.log`);
}

/** The log files of a stack's services. */
export interface ServiceLogs {
  write(service: string, line: string): void;
  close(): void;
}

/**
 * Writes the lines of each service to its own log file, for `parley logs`: at most two files of 8 MiB for each service. If a file cannot
 * be written, its lines are dropped, and the stack continues.
 */
export function createServiceLogs(dataFolder: string): ServiceLogs {
  const files = new Map<string, LogFile>();
  return {
    write(service, line) {
      let file = files.get(service);
      if (file === undefined) {
        file = new LogFile(logFile(dataFolder, service));
        files.set(service, file);
      }
      file.write(`${line}\n`);
    },
    close() {
      for (const file of files.values()) {
        file.close();
      }
    },
  };
}

class LogFile {
  readonly #path: string;
  #stream: WriteStream | undefined;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
    this.#open();
  }

  write(text: string): void {
    if (this.#bytes >= fileBytesMax) {
      this.#rotate();
    }
    if (this.#stream !== undefined && this.#stream.writableLength < waitingBytesMax) {
      this.#stream.write(text);
      this.#bytes += Buffer.byteLength(text);
    }
  }

  close(): void {
    this.#stream?.end();
    this.#stream = undefined;
  }

  #rotate(): void {
    this.close();
    try {
      renameSync(this.#path, `${this.#path}.1`);
    } catch {
      // The file is missing or cannot be renamed: writing continues.
    }
    this.#open();
  }

  #open(): void {
    try {
      mkdirSync(join(this.#path, ".."), { recursive: true });
      this.#bytes = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
      const stream = createWriteStream(this.#path, { flags: "a" });
      stream.on("error", () => this.close());
      this.#stream = stream;
    } catch {
      this.#bytes = 0;
    }
  }
}
