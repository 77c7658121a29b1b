import { existsSync } from "node:fs";
import { chmod, open, rename, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../store-errors.ts";

/** A backup could not be made. The target does not exist then. */
export class BackupError extends StoreError {
  override readonly name = "BackupError";
}

/** A backup file. */
export interface Backup {
  readonly path: string;
  readonly bytes: number;
}

/** The longest wait for a lock that a service holds for a moment, in milliseconds. */
const lockWaitMs = 10_000;

/**
 * Copies a SQLite database to a new file, as it is at one moment, also while its service runs and writes (`VACUUM INTO`, one read transaction).
 * The copy is checked (`PRAGMA integrity_check`) and on disk when this resolves. Throws {@link BackupError} if the source is no database, or the
 * target exists.
 */
export async function backUpSqlite(from: string, to: string): Promise<Backup> {
  for (const [path, wanted] of [
    [from, true],
    [to, false],
  ] as const) {
    if (existsSync(path) !== wanted) {
      throw new BackupError(`${path} ${wanted ? "does not exist" : "exists already"}.`);
    }
  }
  const unfinished = `${to}.unfinished`;
  await rm(unfinished, { force: true });
  try {
    copy(from, unfinished);
    check(unfinished);
    await chmod(unfinished, 0o600);
    const bytes = await sync(unfinished);
    await rename(unfinished, to);
    return { path: to, bytes };
  } catch (cause) {
    await rm(unfinished, { force: true });
    throw cause instanceof BackupError
      ? cause
      : new BackupError(`${from} could not be copied: ${messageOf(cause)}.`, { cause });
  }
}

function copy(from: string, to: string): void {
  const source = new DatabaseSync(from, { readOnly: true, timeout: lockWaitMs });
  try {
    source.prepare("VACUUM INTO ?").run(to);
  } finally {
    source.close();
  }
}

function check(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const { integrity_check: result } = database.prepare("PRAGMA integrity_check").get() as {
      readonly integrity_check: string;
    };
    if (result !== "ok") {
      throw new BackupError(`The copy is damaged: ${result}.`);
    }
  } finally {
    database.close();
  }
}

async function sync(path: string): Promise<number> {
  const file = await open(path, "r+");
  try {
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
