import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SyncedFile } from "../sqlite/synced-file.ts";

/** Options of a disk that loses unsynced data, and fails. */
export interface UnreliableFilesOptions {
  /** Calls back when the disk has completed an fsync. */
  readonly schedule: (callback: () => void) => void;
  /** Whether the disk fails now. It then loses unsynced data, and later fsyncs succeed. */
  readonly fails: () => boolean;
}

/** The part of a file that is on the disk. */
interface OnDisk {
  content: Uint8Array;
  /** Data from this offset on was lost when the disk failed. No later fsync restores it. */
  lostFrom: number;
}

/** Files with a record of their synced and unsynced data. */
export class UnreliableFiles {
  readonly #options: UnreliableFilesOptions;
  readonly #onDisk = new Map<string, OnDisk>();

  constructor(options: UnreliableFilesOptions) {
    this.#options = options;
  }

  /** Opens a file for fsync. */
  open(path: string): SyncedFile {
    return { sync: () => this.#sync(path), close() {} };
  }

  /**
   * Moves a database to another path in its state after the process has died: all written data or, after a power failure, only synced data. SQLite
   * itself calls fsync when it writes to the database file, so that file is always complete.
   */
  move(from: string, to: string, { powerFails }: { readonly powerFails: boolean }): void {
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
    const log = { from: `${from}-wal`, to: `${to}-wal` };
    const onDisk = this.#onDisk.get(log.from);
    if (powerFails) {
      writeFileSync(log.to, onDisk?.content ?? new Uint8Array());
    } else if (existsSync(log.from)) {
      copyFileSync(log.from, log.to);
    }
    if (onDisk !== undefined) {
      // After a power failure the page cache holds no more than the disk.
      this.#onDisk.set(log.to, { ...onDisk, lostFrom: powerFails ? Number.POSITIVE_INFINITY : onDisk.lostFrom });
    }
    this.#onDisk.delete(log.from);
    rmSync(dirname(from), { recursive: true });
  }

  #sync(path: string): Promise<void> {
    // An fsync guarantees nothing for data written after it began.
    const written = readFileSync(path);
    return new Promise((resolve, reject) => {
      this.#options.schedule(() => {
        const before = this.#onDisk.get(path);
        // A restarted log is not longer than the offset at its first sync, so nothing of it is lost.
        const isLost = before !== undefined && written.length > before.lostFrom;
        if (this.#options.fails()) {
          const content = before?.content ?? new Uint8Array();
          this.#onDisk.set(path, { content, lostFrom: isLost ? before.lostFrom : content.length });
          reject(new Error("EIO: i/o error, fdatasync"));
          return;
        }
        const content = isLost ? written.subarray(0, before.lostFrom) : written;
        this.#onDisk.set(path, { content, lostFrom: isLost ? before.lostFrom : Number.POSITIVE_INFINITY });
        resolve();
      });
    });
  }
}
