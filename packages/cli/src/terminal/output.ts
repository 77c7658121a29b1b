import { writeSync } from "node:fs";

type OutputLost = (error: NodeJS.ErrnoException) => void;

let onLost: OutputLost = exitOnLost;

/**
 * Makes a failed write end the command with a message and exit code 1: a full disk (ENOSPC), a removed device (EIO). A reader that stops
 * reading, as `head` does (EPIPE), is not a failure. Call it once, before anything is written.
 */
export function guardOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => onLost(error));
  // A failed write to standard error cannot be reported.
  process.stderr.on("error", () => {});
  // Some errors are known before their event, and a command may exit in between, as commander does after a help text.
  process.on("exit", () => {
    const error = process.stdout.errored as NodeJS.ErrnoException | null;
    if (error !== null && error.code !== "EPIPE") {
      writeError(`error: the output could not be written: ${error.message}\n`);
      process.exitCode = process.exitCode || 1;
    }
  });
}

/** Lets a running command handle failed writes itself. Returns a function that restores the default. */
export function onOutputLost(handler: OutputLost): () => void {
  onLost = handler;
  return () => {
    onLost = exitOnLost;
  };
}

/** Exits once everything is written. A pipe on Windows takes a while; elsewhere it is written already. */
export function exitWhenWritten(): void {
  if (process.stdout.writableLength > 0) {
    process.stdout.write("", () => process.exit());
  } else {
    process.exit();
  }
}

function exitOnLost(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? 0 : 1);
}

function writeError(text: string): void {
  try {
    writeSync(process.stderr.fd, text);
  } catch {
    // Standard error cannot be written either; the exit code reports it.
  }
}
