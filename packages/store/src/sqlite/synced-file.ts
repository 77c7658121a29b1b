import { closeSync, fdatasync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** A file of which it can be known what is on the disk. */
export interface SyncedFile {
  /** Resolves when all that was written to the file so far is on the disk. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * Opens a file that is there, written to by SQLite, to wait for the disk with. That the file has its name in its folder is on the disk when
 * this returns.
 */
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
  // Windows has no such call for folders.
  if (process.platform !== "win32") {
    const descriptor = openSync(path, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
