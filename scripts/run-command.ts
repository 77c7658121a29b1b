import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's top folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

export interface CommandResult {
  readonly code: number;
  /** What it wrote, to its output and its error output. */
  readonly output: string;
}

/** Runs a program of node_modules/.bin or of the machine. A program that is not there counts as failed. */
export function runCommand(command: string, args: readonly string[], folder = root): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(...forThisSystem(command, args), {
      // What npm puts into node_modules/.bin on Windows is a cmd file, and only a shell runs those.
      shell: process.platform === "win32",
      cwd: folder,
      env: { ...process.env, PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.once("error", (error) => resolve({ code: 1, output: `${command}: ${error.message}\n` }));
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** On Windows one text for the shell, with quotes around words that have spaces, as a temporary folder's path may. */
function forThisSystem(command: string, args: readonly string[]): [string, readonly string[]] {
  if (process.platform !== "win32") {
    return [command, args];
  }
  return [[command, ...args].map((word) => (word.includes(" ") ? `"${word}"` : word)).join(" "), []];
}
