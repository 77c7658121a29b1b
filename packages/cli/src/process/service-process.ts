import { type ChildProcess, spawn } from "node:child_process";
import type { FaultMessage } from "./fault-message.ts";
import { LineBuffer } from "./line-buffer.ts";
import { isListenReport } from "./listen-report.ts";

/** Lines kept of each service, to be shown if it ends by itself: enough for an error with its stack. */
const lastLinesMax = 20;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why there never was a process, where that is so. */
  readonly error?: Error;
}

export interface ServiceProcessOptions {
  readonly main: string;
  /** The port that the service is to listen on. */
  readonly port: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called for each line that the service writes, to its output or its error output. */
  readonly onLine: (line: string) => void;
}

/** One service as a child of this process. */
export class ServiceProcess {
  readonly name: string;
  /** Settles once the process has ended and its last line was passed on. Never rejects. */
  readonly ended: Promise<Exit>;
  /** Settles once the service listens on its port. Stays pending where it never does. */
  readonly listening: Promise<void>;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  #exit: Exit | undefined;
  #listenError: string | undefined;
  #adminPort: number | undefined;

  constructor(name: string, { main, port, environment, onLine }: ServiceProcessOptions) {
    this.name = name;
    this.#child = spawn(process.execPath, [...loadedFirst, main], {
      env: environment,
      // A group of its own: the terminal's Ctrl-C reaches the stack alone, which then lets each service drain. On Windows that
      // would open a window for each service.
      detached: process.platform !== "win32",
      windowsHide: true,
      // The channel carries reports about ports, and on Windows the request to end. Its end tells the service that the stack is gone.
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const passOn = (line: string) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > lastLinesMax) {
        this.#lastLines.shift();
      }
      onLine(line);
    };
    this.#readLines(this.#child.stdout, passOn);
    this.#readLines(this.#child.stderr, passOn);
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

  /** The port besides its own that it listens on: that of its metrics. Undefined where it has none. */
  get adminPort(): number | undefined {
    return this.#adminPort;
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Why it could not listen on its port, for example `EADDRINUSE`; undefined where it could or did not try. */
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
      // A paused process would take the signal only when it goes on.
      this.#child.kill("SIGCONT");
    } else if (this.#child.connected) {
      this.#child.send("stop");
    }
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Stops it in the middle of what it does; its connections stay open. Not on Windows. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Makes calls to its server fail or wait. Replaces what was injected before; an empty list ends it. */
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

const loadedFirst = ["--import", new URL("./preload/preload.ts", import.meta.url).href];

/** How a process ended, in words. */
export function exitInWords({ code, signal, error }: Exit): string {
  if (error !== undefined) {
    return `could not be started: ${error.message}`;
  }
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

/** Whether a process that was asked to end did so well. By SIGTERM itself it ends while it is still starting. */
export function endedWell({ code, signal }: Exit): boolean {
  return code === 0 || signal === "SIGTERM";
}
