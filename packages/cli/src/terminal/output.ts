import { writeSync } from "node:fs";

type OutputLost = (error: NodeJS.ErrnoException) => void;

let onLost: OutputLost = leave;

/**
 * Makes output that cannot be written end the command with a message and exit code 1: a full disk (ENOSPC), a device that is
 * gone (EIO). A reader that stops reading, as `head` does (EPIPE), is no failure. To be called once, before anything is written.
 */
export function guardOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => onLost(error));
  // What cannot be said there cannot be said anywhere.
  process.stderr.on("error", () => {});
  // Some errors are known before their event comes, and a command may end in between, as commander does after a help text.
  process.on("exit", () => {
    const error = process.stdout.errored as NodeJS.ErrnoException | null;
    if (error !== null && error.code !== "EPIPE") {
      tell(`error: the output could not be written: ${error.message}\n`);
      process.exitCode = process.exitCode || 1;
    }
  });
}

/** Lets a command that goes on decide what becomes of it when its output cannot be written. Returns how to end that. */
export function onOutputLost(handler: OutputLost): () => void {
  onLost = handler;
  return () => {
    onLost = leave;
  };
}

/** Ends the process once everything is written. A pipe on Windows takes a while; elsewhere it is written already. */
export function exitWhenWritten(): void {
  if (process.stdout.writableLength > 0) {
    process.stdout.write("", () => process.exit());
  } else {
    process.exit();
  }
}

function leave(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? 0 : 1);
}

function tell(text: string): void {
  try {
    writeSync(process.stderr.fd, text);
  } catch {
    // The error output cannot be written either; the exit code tells.
  }
}
