import { afterEach, expect, test } from "vitest";
import type { CommitPoint } from "../sqlite/group-commit-options.ts";
import { type CrashableDatabase, createCrashableDatabase } from "./crashable-database.ts";

const migrations = [{ id: "0001-t", sql: "CREATE TABLE t (a TEXT PRIMARY KEY)" }];
let disk: CrashableDatabase;

afterEach(() => disk.dispose());

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function settledAfterCrash(promise: Promise<unknown>): Promise<string> {
  let state = "pending";
  promise.then(
    () => {
      state = "fulfilled";
    },
    () => {
      state = "rejected";
    },
  );
  for (let index = 0; index < 20; index++) {
    await turn();
  }
  return state;
}

const points: readonly CommitPoint[] = ["begin", "work", "commit", "committed"];

test.each(points)("a crash at %s keeps all of a group or nothing, and no caller receives a result", async (at) => {
  disk = createCrashableDatabase({ migrations, atPoint: (point) => point === at && disk.crash() });
  const database = await disk.open();
  const pending = ["a", "b", "c"].map((value) =>
    settledAfterCrash(database.transaction((transaction) => transaction.run("INSERT INTO t VALUES (?)", value))),
  );
  expect(await Promise.all(pending)).toEqual(["pending", "pending", "pending"]);
  expect(disk.inspect("SELECT a FROM t")).toHaveLength(at === "committed" ? 3 : 0);
  const again = await disk.open();
  expect(await again.all("SELECT a FROM t")).toHaveLength(at === "committed" ? 3 : 0);
});

test("a crash in the middle of a body rolls it back, and the body never continues", async () => {
  disk = createCrashableDatabase({ migrations });
  const database = await disk.open();
  let wentOn = false;
  const outcome = settledAfterCrash(
    database.transaction(async (transaction) => {
      await transaction.run("INSERT INTO t VALUES ('a')");
      disk.crash();
      await transaction.run("INSERT INTO t VALUES ('b')");
      wentOn = true;
    }),
  );
  expect(await outcome).toBe("pending");
  expect(wentOn).toBe(false);
  expect(disk.inspect("SELECT a FROM t")).toEqual([]);
});

test("a crashed process cannot affect its successor", async () => {
  disk = createCrashableDatabase({ migrations });
  const before = await disk.open();
  const waiting = settledAfterCrash(
    before.transaction((transaction) => transaction.run("INSERT INTO t VALUES ('old')")),
  );
  disk.crash();
  const after = await disk.open();
  const late = settledAfterCrash(before.transaction((transaction) => transaction.run("INSERT INTO t VALUES ('late')")));
  const read = settledAfterCrash(before.all("SELECT a FROM t"));
  await after.transaction((transaction) => transaction.run("INSERT INTO t VALUES ('new')"));
  expect(await Promise.all([waiting, late, read, settledAfterCrash(before.close())])).toEqual(Array(4).fill("pending"));
  expect(disk.inspect("SELECT a FROM t")).toEqual([{ a: "new" }]);
});

test("it can be open only once at a time", async () => {
  disk = createCrashableDatabase({ migrations });
  const database = await disk.open();
  await expect(disk.open()).rejects.toThrow("open already");
  await database.close();
  await disk.open();
});
