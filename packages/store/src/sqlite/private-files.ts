import { chmodSync, closeSync, openSync, statSync } from "node:fs";

/**
 * Creates a missing database file with mode 0600, and removes the permissions of group and others from existing files: they hold keys and personal
 * data. SQLite gives its log the mode of the database. Files of another owner, and file systems without modes, are left unchanged.
 */
export function makeFilesPrivate(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      if (file === path) {
        closeSync(openSync(file, "a", ownerOnly));
      }
      const { mode } = statSync(file);
      if ((mode & othersRights) !== 0) {
        chmodSync(file, mode & permissionBits & ~othersRights);
      }
    } catch {
      // SQLite opens the file next, and reports an error. A file whose mode cannot be changed belongs to another user.
    }
  }
}

const ownerOnly = 0o600;
const othersRights = 0o077;
const permissionBits = 0o777;
