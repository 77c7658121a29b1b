import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SyncedFile } from "../sqlite/synced-file.ts";

/** How a database's files lie on a disk that loses what it was not asked to keep, and fails. */
export interface UnreliableFilesOptions {
  /** Calls back when the disk is done with what it is asked for. */
  readonly schedule: (callback: () => void) => void;
  /** Whether the disk fails now. It then forgets what it was asked to keep, and does not say so again. */
  readonly fails: () => boolean;
}

/** What the disk has of a file. */
interface OnDisk {
  content: Uint8Array;
  /** What lies behind this place was lost as the disk failed, and no later sync brings it back. */
  lostFrom: number;
}

/** Files of which it is known what is on the disk, and what only in memory. */
export class UnreliableFiles {
  readonly #options: UnreliableFilesOptions;
  readonly #onDisk = new Map<string, OnDisk>();

  constructor(options: UnreliableFilesOptions) {
    this.#options = options;
  }

  /** Opens a file to wait for the disk with. */
  open(path: string): SyncedFile {
    return { sync: () => this.#sync(path), close() {} };
  }

  /**
   * Moves a database to another path, as it is after its process is gone: what was written is there, or, where the power failed, only what
   * is on the disk. SQLite waits for the disk itself where it writes to the database file, so that file is always as it was written.
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
      // After a power failure memory holds no more than the disk does.
      this.#onDisk.set(log.to, { ...onDisk, lostFrom: powerFails ? Number.POSITIVE_INFINITY : onDisk.lostFrom });
    }
    this.#onDisk.delete(log.from);
    rmSync(dirname(from), { recursive: true });
  }

  #sync(path: string): Promise<void> {
    // Of what is written while the disk works nothing is promised.
    const written = readFileSync(path);
    return new Promise((resolve, reject) => {
      this.#options.schedule(() => {
        const before = this.#onDisk.get(path);
        // A file that was begun anew had nothing behind the place when it was first waited for.
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
