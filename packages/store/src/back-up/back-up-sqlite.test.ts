import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase } from "../open-database.ts";
import { BackupError, backUpSqlite } from "./back-up-sqlite.ts";

const migrations = [{ id: "0001-pairs", sql: "CREATE TABLE pairs (id BIGINT PRIMARY KEY, twin BIGINT NOT NULL)" }];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-back-up-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("copies a database that is written to, as it is between two transactions", async () => {
  const [from, to] = [join(folder, "pairs.db"), join(folder, "copy.db")];
  const database = await openDatabase(`sqlite:${from}`, { migrations });
  let written = 0;
  const writeOne = () =>
    database.transaction(async (transaction) => {
      const id = ++written;
      await transaction.run("INSERT INTO pairs (id, twin) VALUES (?, ?)", id, -id);
      await transaction.run("INSERT INTO pairs (id, twin) VALUES (?, ?)", -id, id);
    });
  await writeOne();
  const before = written;
  const writing = Array.from({ length: 200 }, writeOne);
  expect(await backUpSqlite(from, to)).toEqual({ path: to, bytes: statSync(to).size });
  await Promise.all(writing);
  await database.close();

  const copy = await openDatabase(`sqlite:${to}`, { migrations });
  const { pairs = 0 } = (await copy.get<{ pairs: number }>("SELECT COUNT(*) AS pairs FROM pairs WHERE id > 0")) ?? {};
  const { halves = 0 } =
    (await copy.get<{ halves: number }>(
      "SELECT COUNT(*) AS halves FROM pairs AS one WHERE NOT EXISTS (SELECT 1 FROM pairs AS other WHERE other.id = one.twin)",
    )) ?? {};
  expect(pairs).toBeGreaterThanOrEqual(before);
  expect(halves).toBe(0);
  await copy.close();
  expect(statSync(to).mode & 0o777).toBe(0o600);
});

test("overwrites nothing, and leaves nothing behind if it fails", async () => {
  const [from, to] = [join(folder, "none.db"), join(folder, "copy.db")];
  await expect(backUpSqlite(from, to)).rejects.toThrow(`${from} does not exist.`);
  writeFileSync(from, "this is no database, and long enough to be read as one ".repeat(20));
  await expect(backUpSqlite(from, to)).rejects.toThrow(/could not be copied: file is not a database/);
  await expect(backUpSqlite(from, to)).rejects.toThrow(BackupError);
  expect(readdirSync(folder)).toEqual(["none.db"]);
  writeFileSync(to, "");
  await expect(backUpSqlite(from, to)).rejects.toThrow(`${to} exists already.`);
  expect(existsSync(`${to}.unfinished`)).toBe(false);
});
