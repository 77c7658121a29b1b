import { afterEach, describe, expect, test } from "vitest";
import type { Database } from "../database.ts";
import type { CrashableDatabase } from "./crashable-database.ts";
import { type CrashableFileOptions, createCrashableFile } from "./crashable-file.ts";

const migrations = [{ id: "0001-t", sql: "CREATE TABLE t (a BIGINT PRIMARY KEY)" }];

let disk: CrashableDatabase;
afterEach(() => disk.dispose());

function createDisk(options: Partial<CrashableFileOptions> = {}) {
  disk = createCrashableFile({ migrations, diskSchedule: setImmediate, powerFails: () => true, ...options });
}

const insert = (database: Database, a: number) =>
  database.transaction((transaction) => transaction.run("INSERT INTO t VALUES (?)", a));
const kept = () => disk.inspect<{ a: number }>("SELECT a FROM t ORDER BY a").map(({ a }) => a);

/** Waits for some event-loop ticks. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a disk whose fsync works", () => {
  test("has all acknowledged data after each power failure", async () => {
    createDisk();
    for (let life = 0; life < 5; life++) {
      const database = await disk.open();
      await insert(database, life);
      await insert(database, 100 + life);
      disk.crash();
    }
    expect(kept()).toEqual([0, 1, 2, 3, 4, 100, 101, 102, 103, 104]);
  });

  test("loses unacknowledged work at a power failure", async () => {
    let isSlow = false;
    createDisk({ diskSchedule: (callback) => (isSlow ? undefined : setImmediate(callback)) });
    const database = await disk.open();
    await insert(database, 1);
    isSlow = true;
    let isNotified = false;
    void insert(database, 2).then(() => {
      isNotified = true;
    });
    await turns();
    expect(kept()).toEqual([1, 2]);
    disk.crash();
    isSlow = false;
    await turns();
    expect([kept(), isNotified]).toEqual([[1], false]);
  });

  test("has all written data if only the process ends", async () => {
    createDisk({ powerFails: () => false, diskSchedule: () => {} });
    void disk.open();
    await turns();
    disk.crash();
    expect(kept()).toEqual([]);
  });
});

test("a failed disk loses unsynced data, and the next process does not rely on it", async () => {
  let [fails, power] = [false, false];
  const failures: string[] = [];
  createDisk({
    diskFails: () => fails,
    powerFails: () => power,
    onFailed: ({ message }) => failures.push(message),
  });
  const first = await disk.open();
  await insert(first, 1);
  fails = true;
  await expect(insert(first, 2)).rejects.toThrow("The disk failed");
  expect(failures).toHaveLength(1);
  disk.crash();

  // The next process reads the written data from memory, and acknowledges more.
  fails = false;
  const second = await disk.open();
  expect(kept()).toEqual([1, 2]);
  await insert(second, 3);
  power = true;
  disk.crash();
  expect(kept()).toEqual([1, 2, 3]);
});

test("a disk that failed before anything was written keeps the data of the next process", async () => {
  let fails = true;
  createDisk({ diskFails: () => fails });
  await expect(disk.open()).rejects.toThrow("The disk failed");
  disk.crash();
  fails = false;
  await insert(await disk.open(), 1);
  disk.crash();
  expect(kept()).toEqual([1]);
});

test("the first power failure detects a sync of another file than the log", async () => {
  createDisk({ syncedPath: (path) => path.replace(/-wal$/, "") });
  const database = await disk.open();
  await insert(database, 1);
  disk.crash();
  expect(kept()).toEqual([]);
});
