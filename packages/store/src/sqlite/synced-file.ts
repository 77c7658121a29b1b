import { closeSync, fdatasync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** A file that can be synced to the disk. */
export interface SyncedFile {
  /** Resolves when all data written to the file so far is on the disk. */
  sync(): Promise<void>;
  close(): void;
}

/** Opens an existing file, written by SQLite, for fsync. Syncs its folder entry before it returns. */
export function openSyncedFile(path: string): SyncedFile {
  syncFolder(dirname(path));
  const descriptor = openSync(path, "r+");
  return {
    sync: () =>
      new Promise((resolve, reject) => fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))),
    close: () => closeSync(descriptor),
  };
}

function syncFolder(path: string): void {
  // Windows cannot sync folders.
  if (process.platform !== "win32") {
    const descriptor = openSync(path, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
