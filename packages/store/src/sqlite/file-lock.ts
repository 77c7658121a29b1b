import { readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { StoreUnavailableError } from "../store-errors.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

/** How long to wait for a process that is ending: a restarted process often starts just before its predecessor has ended. */
const waitMs = 1_000;
const retryMs = 50;

/** The process that owns the lock of a database file. */
export interface FileHolder {
  readonly processId: number;
  /** The program, relative to its working directory, for example `packages/order/src/main.ts`. */
  readonly program: string;
  readonly host: string;
  readonly startTime: string;
}

/** A lock on a database file. It is held until it is released or the process ends in any way. */
export interface FileLock {
  release(): void;
}

/**
 * Locks a database file for this process. The lock is the operating system's, on a separate file (`order.db-lock`), so that it is released when the
 * process ends. Another file (`order.db-owner`) names its owner. Throws {@link StoreUnavailableError} (`locked`), which names the owner, if another
 * process or this one already holds it.
 */
export async function lockFile(path: string): Promise<FileLock> {
  const place = realPlace(path);
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    const lock = tryLock(place);
    if (lock !== undefined) {
      return lock;
    }
    if (waitedMs >= waitMs) {
      throw new StoreUnavailableError("locked", heldMessage(path, readHolder(place)));
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** Whether a process has the database file open, and which. */
export function findFileHolder(path: string): { readonly isHeld: boolean; readonly holder?: FileHolder } {
  const place = realPlace(path);
  const lock = tryLock(place);
  lock?.release();
  const holder = lock === undefined ? readHolder(place) : undefined;
  return { isHeld: lock === undefined, ...(holder === undefined ? {} : { holder }) };
}

/** The error message. */
export function heldMessage(path: string, holder: FileHolder | undefined): string {
  const process =
    holder === undefined
      ? "another process"
      : `process ${holder.processId} (${holder.program}, on ${holder.host} since ${holder.startTime})`;
  return `The database ${path} is in use by ${process}. A SQLite file serves one process at a time: stop that process, or use another file.`;
}

function tryLock(place: string): FileLock | undefined {
  const connection = new SqliteConnection(`${place}-lock`, { busyTimeoutMs: 0 });
  try {
    // Held while the transaction is open. Nothing is written: the file stays empty.
    connection.execute("BEGIN EXCLUSIVE");
  } catch (error) {
    connection.close();
    if (error instanceof StoreUnavailableError && error.problem === "locked") {
      return undefined;
    }
    throw error;
  }
  writeFileSync(`${place}-owner`, JSON.stringify(thisProcess()));
  return {
    release() {
      rmSync(`${place}-owner`, { force: true });
      connection.close();
    },
  };
}

function thisProcess(): FileHolder {
  const program = process.argv[1] === undefined ? process.title : relative(process.cwd(), process.argv[1]);
  return { processId: process.pid, program, host: hostname(), startTime: new Date().toISOString() };
}

function readHolder(place: string): FileHolder | undefined {
  try {
    return JSON.parse(readFileSync(`${place}-owner`, "utf8")) as FileHolder;
  } catch {
    // The owner has the lock but has not written its name yet.
    return undefined;
  }
}

/** One canonical path for all paths of a file. */
function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The file does not exist yet. Its folder does.
    return join(realpathSync(dirname(path)), basename(path));
  }
}
