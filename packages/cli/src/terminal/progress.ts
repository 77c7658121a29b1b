import type { Terminal } from "./terminal.ts";

/** Work that takes longer is shown, in milliseconds. */
const patienceMs = 1_000;
const frameMs = 100;
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/**
 * Runs `work`; if it takes longer than a second, shows its status and its duration.
 * `describe` is called for each frame. Without a terminal it prints one line instead.
 */
export async function withProgress<T>(terminal: Terminal, describe: () => string, work: Promise<T>): Promise<T> {
  const beganAt = performance.now();
  let frame = 0;
  let printed = false;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - beganAt;
    if (elapsedMs < patienceMs) {
      return;
    }
    if (!terminal.interactive && !printed) {
      printed = true;
      terminal.say(`${describe()} …`);
    }
    frame = (frame + 1) % frames.length;
    terminal.status(`${frames[frame]} ${describe()} (${(elapsedMs / 1_000).toFixed(1)} s)`);
  }, frameMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    terminal.status(undefined);
  }
}
