import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database, Migration } from "../database.ts";
import { SqliteConnection } from "../sqlite/sqlite-connection.ts";
import { openLocked, type SqliteDatabase } from "../sqlite/sqlite-database.ts";
import type { StoreUnavailableError } from "../store-errors.ts";
import type { CrashableDatabase, CrashableOptions } from "./crashable-database.ts";
import { UnreliableFiles } from "./unreliable-files.ts";

export interface CrashableFileOptions extends CrashableOptions {
  /** Calls back when the disk has completed an fsync. */
  readonly diskSchedule: (callback: () => void) => void;
  /** Called for each fsync: whether it fails. Default: never. */
  readonly diskFails?: () => boolean;
  /** Called for each crash: whether the power fails too, so that only synced data is left. */
  readonly powerFails: () => boolean;
  /** Replaces the file to sync. For planted bugs. */
  readonly syncedPath?: (path: string) => string;
  /** Called when the disk has failed while a process had the database open. */
  readonly onFailed?: (failure: StoreUnavailableError) => void;
}

/** Linux's in-memory file system: the disk is simulated here, so real fsyncs would only cost time. */
const memoryFolder = "/dev/shm";

/** A {@link CrashableDatabase} in real files, as a service uses, on a disk that keeps only synced data. */
export function createCrashableFile(options: CrashableFileOptions): CrashableDatabase {
  const folder = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), "parley-crashable-"));
  const files = new UnreliableFiles({ schedule: options.diskSchedule, fails: options.diskFails ?? (() => false) });
  let lives = 0;
  let path = pathOf(lives);
  let opened: SqliteDatabase | undefined;
  let inspector: SqliteConnection | undefined;

  function pathOf(life: number): string {
    return join(folder, String(life), "test.db");
  }

  return {
    async open(migrations: readonly Migration[] = options.migrations) {
      if (opened !== undefined) {
        throw new Error("The database is open already: crash or close it first.");
      }
      mkdirSync(join(path, ".."), { recursive: true });
      const database = openLocked(path, {
        migrations,
        now: () => (options.clock ?? Date).now(),
        schedule: options.schedule ?? setImmediate,
        atPoint: options.atPoint,
        onFailed: (failure) => opened === database && options.onFailed?.(failure),
        openSynced: (asked) => files.open(options.syncedPath?.(asked) ?? asked),
        onReleased() {
          if (opened === database) {
            opened = undefined;
          }
        },
      });
      opened = database;
      await database.ready();
      return whileAlive(database, () => opened === database);
    },
    crash() {
      const database = opened;
      opened = undefined;
      inspector?.close();
      inspector = undefined;
      if (database !== undefined) {
        database.cut();
        const next = pathOf(++lives);
        files.move(path, next, { powerFails: options.powerFails() });
        path = next;
        database.abandon();
      }
    },
    inspect<R extends object>(sql: string) {
      inspector ??= new SqliteConnection(path);
      return inspector.all(sql, []) as R[];
    },
    dispose() {
      inspector?.close();
      opened?.cut();
      opened?.abandon();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The database as its process sees it: after the crash, no call settles. */
function whileAlive(database: Database, isAlive: () => boolean): Database {
  const answered = <T>(begin: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      if (isAlive()) {
        begin().then(
          (answer) => isAlive() && resolve(answer),
          (error) => isAlive() && reject(error),
        );
      }
    });
  return {
    all: (sql, ...parameters) => answered(() => database.all(sql, ...parameters)),
    get: (sql, ...parameters) => answered(() => database.get(sql, ...parameters)),
    transaction: (work) => answered(() => database.transaction(work)),
    // Not guarded: closing also ends this process.
    close: () => database.close(),
  };
}
