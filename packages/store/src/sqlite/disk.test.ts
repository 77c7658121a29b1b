import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Disk } from "./disk.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { SqliteDatabase } from "./sqlite-database.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

/** A database whose fsync completes when the test says so. */
function openWithDisk(onFailed?: (failure: Error) => void) {
  const folder = mkdtempSync(join(tmpdir(), "parley-disk-"));
  const path = join(folder, "test.db");
  const writer = new SqliteConnection(path);
  writer.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY)");
  const reader = new SqliteConnection(path, { readOnly: true });
  const waits: PromiseWithResolvers<void>[] = [];
  const database = new SqliteDatabase(writer, {
    schedule: setImmediate,
    disk: new Disk(() => {
      const wait = Promise.withResolvers<void>();
      waits.push(wait);
      return wait.promise;
    }, onFailed),
    reader,
    onClosed() {
      reader.close();
      writer.close();
    },
  });
  closing.push(() => rmSync(folder, { recursive: true }));
  const settled: string[] = [];
  const note = (name: string, promise: Promise<unknown>) =>
    promise.then(
      (answer) => settled.push(`${name}: ${JSON.stringify(answer)}`),
      (error: Error) => settled.push(`${name}: ${error.message}`),
    );
  const insert = (a: number) =>
    note(
      `insert ${a}`,
      database.transaction((transaction) => transaction.run("INSERT INTO t VALUES (?)", a)),
    );
  const count = () => note("count", database.get("SELECT COUNT(*) AS n FROM t"));
  return { database, waits, settled, insert, count };
}

/** Waits for some event-loop ticks. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a transaction neither resolves nor becomes visible before it is on the disk", async () => {
  const { database, waits, settled, insert, count } = openWithDisk();
  closing.push(() => database.close());
  insert(1);
  insert(2);
  await turns();
  count();
  await turns();
  expect([waits.length, settled]).toEqual([1, []]);
  waits[0]?.resolve();
  await turns();
  expect(settled.toSorted()).toEqual(['count: {"n":2}', "insert 1: 1", "insert 2: 1"]);
});

test("a failed transaction that may have seen others of its commit rejects once they are durable, and not if they never are", async () => {
  const { database, waits, settled, insert } = openWithDisk();
  closing.push(() => database.close());
  insert(1);
  insert(1);
  await turns();
  expect(settled).toEqual([]);
  waits[0]?.resolve();
  await turns();
  expect(settled).toEqual(["insert 1: 1", expect.stringContaining("UNIQUE")]);

  insert(2);
  insert(2);
  await turns();
  waits[1]?.reject(new Error("EIO"));
  await turns();
  expect(settled.slice(2)).toEqual(Array(2).fill(expect.stringContaining("The disk failed")));
});

test("a transaction that fails first in its commit rejects at once", async () => {
  const { database, waits, settled, insert } = openWithDisk();
  closing.push(() => database.close());
  insert(1);
  await turns();
  waits[0]?.resolve();
  await turns();
  insert(1);
  insert(2);
  await turns();
  expect([waits.length, settled]).toEqual([2, ["insert 1: 1", expect.stringContaining("UNIQUE")]]);
  waits[1]?.resolve();
  await turns();
  expect(settled.at(-1)).toBe("insert 2: 1");
});

test("transactions that arrive during an fsync share the next commit", async () => {
  const { database, waits, settled, insert } = openWithDisk();
  closing.push(() => database.close());
  insert(1);
  await turns();
  for (const a of [2, 3, 4]) {
    insert(a);
    await turns();
  }
  expect(waits).toHaveLength(1);
  waits[0]?.resolve();
  await turns();
  expect([waits.length, settled]).toEqual([2, ["insert 1: 1"]]);
  waits[1]?.resolve();
  await turns();
  expect(settled).toHaveLength(4);
});

test("close waits for the fsync", async () => {
  const { database, waits, settled, insert } = openWithDisk();
  insert(1);
  await turns();
  const closed = database.close().then(() => settled.push("closed"));
  await turns();
  expect(settled).toEqual([]);
  waits[0]?.resolve();
  await closed;
  expect(settled).toEqual(["insert 1: 1", "closed"]);
});

test("a failed fsync fails the pending and the waiting transactions, and the database refuses all later calls", async () => {
  const messages: string[] = [];
  const { database, waits, settled, insert, count } = openWithDisk(({ message }) => messages.push(message));
  closing.push(() => database.close());
  insert(1);
  await turns();
  count();
  insert(2);
  waits[0]?.reject(new Error("EIO"));
  await turns();
  insert(3);
  count();
  await turns();
  const failed = "The disk failed while a commit was written: the database must be opened again.";
  expect(settled.toSorted()).toEqual([
    `count: ${failed}`,
    `count: ${failed}`,
    `insert 1: ${failed}`,
    `insert 2: ${failed}`,
    `insert 3: ${failed}`,
  ]);
  expect(messages).toEqual([failed]);
  expect(waits).toHaveLength(1);
});
