import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

/** The program, a file. */
export const fakeParley = fileURLToPath(new URL("./fake-parley.ts", import.meta.url));

/** A run of the fake `parley`, and its output. */
export interface FakeRun {
  readonly child: ChildProcess;
  /** The lines of the command itself. */
  readonly said: () => string;
  /** The log lines of the services. */
  readonly logged: () => string;
  /** Waits until a line of the command matches. */
  readonly untilPrinted: (pattern: RegExp) => Promise<void>;
  readonly exitCode: Promise<number | null>;
}

/** Starts the fake `parley` with arguments and variables. */
export function runFakeParley(args: readonly string[], variables: Readonly<Record<string, string>>): FakeRun {
  const child = spawn(process.execPath, [fakeParley, ...args], {
    env: { PATH: process.env.PATH, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let logged = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    logged += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    child,
    said: () => said,
    logged: () => logged,
    exitCode,
    async untilPrinted(pattern) {
      let ended = false;
      exitCode.then(() => {
        ended = true;
      });
      while (!pattern.test(said)) {
        if (ended) {
          throw new Error(`The command ended without printing ${pattern}. Its output:\n${said}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** Free ports of this machine. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise((resolve) => (server.listening ? resolve(undefined) : server.once("listening", resolve)));
    const address = server.address();
    ports.push(typeof address === "object" && address !== null ? address.port : 0);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
