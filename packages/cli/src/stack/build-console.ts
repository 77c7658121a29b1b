import { execFile } from "node:child_process";
import { buildProgram, isConsoleBuilt } from "@parley/console";
import type { ServiceDefinition } from "../service/service-registry.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The process that serves the console. */
export const consoleProcess = "gateway";

/** Longer than a build takes on a busy machine, in milliseconds. */
const buildMaxMs = 60_000;

/**
 * Bundles the console if its sources have changed, while the services start: they do not wait for it, and the gateway serves it once it
 * is built. A failure is reported, and the stack runs without it.
 */
export async function buildConsoleFor(services: readonly ServiceDefinition[], terminal: Terminal): Promise<void> {
  if (!servesConsole(services)) {
    return;
  }
  try {
    if (!(await isConsoleBuilt())) {
      await bundleConsole();
    }
  } catch (error) {
    const words = error instanceof Error ? error.message.trim() : String(error);
    terminal.say(terminal.colors.yellow(`The console could not be built: ${words}`));
  }
}

/** Whether one of these services serves the console. */
export function servesConsole(services: readonly ServiceDefinition[]): boolean {
  return services.some(({ name }) => name === consoleProcess);
}

/** Bundles the console in a process of its own. Rejects with the bundler's messages. */
export function bundleConsole(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [buildProgram], { timeout: buildMaxMs }, (error, _output, errorOutput) =>
      error === null ? resolve() : reject(new Error(errorOutput || error.message)),
    );
    // A stack that stops meanwhile does not wait for it.
    child.unref();
  });
}
