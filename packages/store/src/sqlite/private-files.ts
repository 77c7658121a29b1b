import { chmodSync, closeSync, openSync, statSync } from "node:fs";

/**
 * Makes a database file that is missing, and takes the rights of group and others from the files of one that is there: it holds keys and people's
 * data. SQLite gives its log the mode of the database. Files of another owner, and file systems without modes, stay as they are.
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
      // What cannot be opened is reported by SQLite, which opens it next. A file that cannot be changed belongs to another user.
    }
  }
}

const ownerOnly = 0o600;
const othersRights = 0o077;
const permissionBits = 0o777;
