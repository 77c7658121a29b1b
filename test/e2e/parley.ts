import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import type { CommandOutcome } from "./command-line.ts";
import { root } from "./running-stack.ts";

/** The program behind `npx parley`. */
const bin = join(root, "packages/cli/src/bin.ts");
/** The timeout of a command, in milliseconds. */
const commandMaxMs = 30_000;

/** `parley` as a user runs it beside a stack: a process for each command. */
export interface Parley {
  run(...args: readonly string[]): Promise<CommandOutcome>;
  /** With standard input. */
  runWith(input: string, ...args: readonly string[]): Promise<CommandOutcome>;
  /** Starts a command that runs until it is stopped. */
  start(...args: readonly string[]): Running;
  /** Starts a command in its own terminal, created by tmux. */
  inTerminal(...args: readonly string[]): TerminalSession;
}

/** A running command. */
export interface Running {
  readonly child: ChildProcess;
  output(): string;
  errorOutput(): string;
  readonly exitCode: Promise<number | null>;
}

/** A command's terminal. */
export interface TerminalSession {
  /** Presses keys, by tmux's names for them (`Enter`, `Down`, `C-c`). */
  press(...keys: readonly string[]): void;
  /** The screen's contents. */
  screen(): string;
  close(): void;
}

/** `parley` for a stack with this port offset. */
export function parleyFor(portOffset: number): Parley {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: "UTC",
    PARLEY_PORT_OFFSET: String(portOffset),
  };
  const runWith = (input: string, ...args: readonly string[]) =>
    new Promise<CommandOutcome>((resolve) => {
      const child = execFile(
        process.execPath,
        [bin, ...args],
        { cwd: root, env, timeout: commandMaxMs },
        (error, output, errorOutput) =>
          resolve({ code: error === null ? 0 : Number(error.code ?? 127), output, errorOutput }),
      );
      child.stdin?.end(input);
    });
  return {
    runWith,
    run: (...args) => runWith("", ...args),
    start: (...args) => start(args, env),
    inTerminal: (...args) => inTerminal(args, env),
  };
}

function start(args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const child = spawn(process.execPath, [bin, ...args], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errorOutput = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errorOutput += text;
  });
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, output: () => output, errorOutput: () => errorOutput, exitCode };
}

let sessions = 0;

function inTerminal(args: readonly string[], env: NodeJS.ProcessEnv): TerminalSession {
  sessions++;
  // A separate tmux server, so that no other session is affected.
  const socket = `parley-test-${process.pid}-${sessions}`;
  const tmux = (...words: readonly string[]) =>
    execFileSync("tmux", ["-L", socket, "-f", "/dev/null", ...words], { cwd: root, encoding: "utf8", env });
  const command = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(" ");
  tmux("new-session", "-d", "-x", "100", "-y", "60", `${command}; echo "ended with $?"; sleep 60`);
  return {
    press: (...keys) => void tmux("send-keys", ...keys),
    screen: () => tmux("capture-pane", "-p").trimEnd(),
    close: () => void tmux("kill-server"),
  };
}
