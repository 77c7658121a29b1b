import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

export interface CommandResult {
  readonly code: number;
  /** Its stdout and stderr. */
  readonly output: string;
}

/** Runs a program from node_modules/.bin or from the PATH. A missing program counts as failed. */
export function runCommand(command: string, args: readonly string[], folder = root): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(...forThisSystem(command, args), {
      // On Windows, npm installs cmd files in node_modules/.bin, which only a shell can run.
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

/** On Windows, joins the command into one line for the shell, and quotes words with spaces, such as a temporary folder's path. */
function forThisSystem(command: string, args: readonly string[]): [string, readonly string[]] {
  if (process.platform !== "win32") {
    return [command, args];
  }
  return [[command, ...args].map((word) => (word.includes(" ") ? `"${word}"` : word)).join(" "), []];
}
