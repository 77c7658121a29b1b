import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";

/** The pause between two attempts, in milliseconds. Such locks are held for a few milliseconds. */
const pauseMs = 20;
/** SQLite's code for a locked file (sqlite.org/rescode.html). */
const sqliteBusy = 5;

/**
 * An exclusive lock on a file. The operating system holds it for this process (SQLite's file locks: fcntl on POSIX, LockFileEx
 * on Windows): it ends with the process, so that a crash leaves none behind and a reused process id
 * has no effect. The file stays, and is empty.
 */
export class FileLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Acquires the lock; undefined if another process, or another owner in this process, holds it. Throws if the file cannot be opened. */
  static tryAcquire(path: string): FileLock | undefined {
    const database = new DatabaseSync(path);
    try {
      database.exec("BEGIN EXCLUSIVE");
      return new FileLock(database);
    } catch (error) {
      database.close();
      if ((error as { readonly errcode?: number }).errcode === sqliteBusy) {
        return undefined;
      }
      throw error;
    }
  }

  /** Acquires the lock, waiting at most `waitMs`; undefined after a timeout. */
  static async acquire(path: string, { waitMs }: { readonly waitMs: number }): Promise<FileLock | undefined> {
    const endMs = performance.now() + waitMs;
    let lock = FileLock.tryAcquire(path);
    while (lock === undefined && performance.now() < endMs) {
      await wait(pauseMs);
      lock = FileLock.tryAcquire(path);
    }
    return lock;
  }

  /** Releases the lock. */
  release(): void {
    if (this.#database.isOpen) {
      this.#database.close();
    }
  }
}
