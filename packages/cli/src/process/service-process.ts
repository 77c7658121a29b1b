import { type ChildProcess, spawn } from "node:child_process";
import { pathToFileURL } from "node:url";
import { sourcePrograms } from "../programs/programs.ts";
import type { FaultMessage } from "./fault-message.ts";
import { LineBuffer } from "./line-buffer.ts";
import { isListenReport } from "./listen-report.ts";

/** Lines kept of each service, to be printed if it exits: enough for an error with its stack. */
const lastLinesMax = 20;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The reason why there was no process, if so. */
  readonly error?: Error;
}

export interface ServiceProcessOptions {
  readonly main: string;
  /** The file that is loaded before it. That of the sources by default. */
  readonly preload?: string;
  /** The service's port. */
  readonly port: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called for each line that the service writes to standard output or standard error. */
  readonly onLine: (line: string) => void;
}

/** One service as a child of this process. */
export class ServiceProcess {
  readonly name: string;
  /** Settles once the process has ended and its last line was passed on. Never rejects. */
  readonly ended: Promise<Exit>;
  /** Settles once the service listens on its port. Stays pending if it never does. */
  readonly listening: Promise<void>;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  #exit: Exit | undefined;
  #listenError: string | undefined;
  #adminPort: number | undefined;

  constructor(
    name: string,
    { main, preload = sourcePrograms.preload, port, environment, onLine }: ServiceProcessOptions,
  ) {
    this.name = name;
    this.#child = spawn(process.execPath, ["--import", pathToFileURL(preload).href, main], {
      env: environment,
      // A group of its own: the terminal's Ctrl-C reaches only the stack, which then lets each service drain. On Windows that
      // would open a window for each service.
      detached: process.platform !== "win32",
      windowsHide: true,
      // The channel carries reports about ports, and on Windows the request to end. When it closes, the stack has ended, and the service drains.
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const keepLine = (line: string) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > lastLinesMax) {
        this.#lastLines.shift();
      }
      onLine(line);
    };
    this.#readLines(this.#child.stdout, keepLine);
    this.#readLines(this.#child.stderr, keepLine);
    this.listening = new Promise((resolve) => {
      this.#child.on("message", (message) => {
        if (isListenReport(message) && message.port === port) {
          if (message.kind === "listening") {
            resolve();
          } else {
            this.#listenError = message.code;
          }
        } else if (isListenReport(message) && message.kind === "listening") {
          this.#adminPort = message.port;
        }
      });
    });
    this.ended = new Promise((resolve) => {
      const settle = (exit: Exit) => {
        this.#exit ??= exit;
        resolve(this.#exit);
      };
      // "close" comes after "exit" and after all output was read.
      this.#child.once("close", (code, signal) => settle({ code, signal }));
      this.#child.once("error", (error) => {
        if (this.#child.pid === undefined) {
          settle({ code: null, signal: null, error });
        }
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The port of its metrics. Undefined if it has none. */
  get adminPort(): number | undefined {
    return this.#adminPort;
  }

  /** Its exit; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** The reason why it could not listen on its port, for example `EADDRINUSE`; undefined if it could or did not try. */
  get listenError(): string | undefined {
    return this.#listenError;
  }

  /** The last lines it wrote, oldest first. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Asks it to drain and end. Windows has no SIGTERM: there a message asks, see preload/end-with-parent.ts. */
  stop(platform: NodeJS.Platform = process.platform): void {
    if (platform !== "win32") {
      this.#child.kill("SIGTERM");
      // A paused process would handle the signal only when it continues.
      this.#child.kill("SIGCONT");
    } else if (this.#child.connected) {
      this.#child.send("stop");
    }
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Pauses it; its connections stay open. Not on Windows. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Resumes it. */
  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Makes calls to its server fail or wait. Replaces the previous faults; an empty list removes them. */
  injectFaults(faults: FaultMessage["faults"]): void {
    if (this.#child.connected) {
      this.#child.send({ kind: "faults", faults } satisfies FaultMessage, () => {});
    }
  }

  #readLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
    const buffer = new LineBuffer(onLine);
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => buffer.write(chunk));
    stream?.on("end", () => buffer.end());
  }
}

/** The exit of a process, as text. */
export function exitInWords({ code, signal, error }: Exit): string {
  if (error !== undefined) {
    return `could not be started: ${error.message}`;
  }
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

/** Whether a process that was asked to end exited cleanly. During its start SIGTERM ends it directly. */
export function endedWell({ code, signal }: Exit): boolean {
  return code === 0 || signal === "SIGTERM";
}
