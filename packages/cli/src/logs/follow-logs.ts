import { open, stat } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { LineBuffer } from "../process/line-buffer.ts";

export interface FollowLogOptions {
  readonly path: string;
  /** The number of existing lines to begin with. */
  readonly lines: number;
  readonly onLine: (line: string) => void;
  /** Follows the file until it aborts; without it, ends after the existing lines. */
  readonly signal?: AbortSignal | undefined;
}

/** How often the file is checked for new lines, in milliseconds. */
const checkIntervalMs = 200;
/** The most that is read from the end of a file for its last lines, in bytes. */
const tailBytesMax = 1024 * 1024;
const chunkBytes = 65_536;

/** Passes on the last lines of a file; with a signal also further lines, and it waits for a missing file. False if there is no file. */
export async function followLog({ path, lines, onLine, signal }: FollowLogOptions): Promise<boolean> {
  const begun = await readTail(path, lines, onLine);
  if (signal === undefined) {
    return begun !== undefined;
  }
  let at = begun ?? 0;
  const buffer = new LineBuffer(onLine);
  while (!signal.aborted) {
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    if (size < at) {
      // The file was rotated.
      at = 0;
    }
    if (size > at) {
      at += await readFrom(path, at, (text) => buffer.write(text));
    } else {
      await wait(checkIntervalMs, undefined, { signal }).catch(() => {});
    }
  }
  return true;
}

/** Passes on the last lines. Returns the size of the file; undefined if it does not exist. */
async function readTail(path: string, lines: number, onLine: (line: string) => void): Promise<number | undefined> {
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size === undefined) {
    return undefined;
  }
  const start = Math.max(0, size - tailBytesMax);
  let text = "";
  for (let at = start; at < size; ) {
    const read = await readFrom(path, at, (piece) => {
      text += piece;
    });
    if (read === 0) {
      break;
    }
    at += read;
  }
  const whole = start === 0 ? text : text.slice(text.indexOf("\n") + 1);
  const last = whole.split("\n").filter((line) => line !== "");
  for (const line of lines === 0 ? [] : last.slice(-lines)) {
    onLine(line);
  }
  return size;
}

async function readFrom(path: string, at: number, onText: (text: string) => void): Promise<number> {
  const file = await open(path, "r");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, at);
    // Whole lines only, so that no character is cut. The rest is read with the next chunk.
    const end = bytesRead < chunkBytes ? bytesRead : buffer.lastIndexOf(0x0a, bytesRead - 1) + 1 || bytesRead;
    onText(buffer.toString("utf8", 0, end));
    return end;
  } finally {
    await file.close();
  }
}
