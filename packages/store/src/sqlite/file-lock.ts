import { readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { StoreUnavailableError } from "../store-errors.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

/** How long to wait for a process that is just ending: one that is started again follows closely on the one before. */
const waitMs = 1_000;
const retryMs = 50;

/** The process that has a database file open. */
export interface FileHolder {
  readonly processId: number;
  /** The program, relative to the folder that it was started in, for example `packages/order/src/main.ts`. */
  readonly program: string;
  readonly host: string;
  readonly startTime: string;
}

/** A lock on a database file, held until it is released or the process ends, however it ends. */
export interface FileLock {
  release(): void;
}

/**
 * Locks a database file for this process. The lock is the operating system's, on a file beside it (`order.db-lock`), so that it ends with
 * the process; who holds it stands in another (`order.db-owner`). Throws {@link StoreUnavailableError} (`locked`), which names
 * the process, if another one holds it, or this process does already.
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

/** Whether a process has the database file open now, and which. */
export function findFileHolder(path: string): { readonly isHeld: boolean; readonly holder?: FileHolder } {
  const place = realPlace(path);
  const lock = tryLock(place);
  lock?.release();
  const holder = lock === undefined ? readHolder(place) : undefined;
  return { isHeld: lock === undefined, ...(holder === undefined ? {} : { holder }) };
}

/** In words for people. */
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
    // Held as long as the transaction is open. Nothing is ever written: the file stays empty.
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
    // It has the lock and has not said yet who it is.
    return undefined;
  }
}

/** The same for every way to write the path. */
function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The file is still to be made. Its folder is there.
    return join(realpathSync(dirname(path)), basename(path));
  }
}
