import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onCore } from "../pinned-process.ts";

/** The driver's tasks. */
export type DriverWork =
  | { readonly kind: "open"; readonly port: number; readonly connections: number }
  | { readonly kind: "repeat"; readonly streams: number; readonly messages: number }
  | { readonly kind: "watch"; readonly streams: number }
  | { readonly kind: "publish"; readonly times: number; readonly watchers: number }
  | { readonly kind: "chat"; readonly streams: number; readonly messages: number };

/** The result of a task. */
export interface DriverReport {
  /** Messages received from the server. */
  readonly messages: number;
  readonly seconds: number;
}

/** The timeout of one task. */
const workTimeoutMs = 300_000;

/** A driver in its own process, on the second core. */
export class Driver {
  readonly #child: ChildProcess;

  constructor() {
    const file = join(import.meta.dirname, "driver.ts");
    const [program = "node", ...args] = onCore(1, [process.execPath, "--no-warnings", file]);
    this.#child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  async run(work: DriverWork): Promise<DriverReport> {
    const exited = once(this.#child, "exit").then(([code]) => {
      throw new Error(`the driver ended with ${code}`);
    });
    const report = once(this.#child, "message", { signal: AbortSignal.timeout(workTimeoutMs) });
    this.#child.send(work);
    return ((await Promise.race([report, exited])) as [DriverReport])[0];
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}
