import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { openDatabase } from "./open-database.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = join(import.meta.dirname, "testing", "write-until-killed.ts");

/** Runs the program for a while, kills it, and returns the numbers that it reported as durable. */
async function writeAndKill(url: string, lineCount: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [program, url], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split("\n").length > lineCount) {
      child.kill("SIGKILL");
    }
  });
  await once(child, "close");
  return output.split("\n").slice(0, -1).map(Number);
}

test("a process killed in the middle of its work keeps everything it acknowledged and leaves no partial transaction", async () => {
  const url = `sqlite:${join(folder, "killed.db")}`;
  const acknowledged: number[] = [];
  for (const lineCount of [200, 301, 157]) {
    acknowledged.push(...(await writeAndKill(url, lineCount)));
  }
  const database = await openDatabase(url, {
    migrations: [{ id: "0001-t", sql: "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)" }],
  });
  const rows = await database.all<{ a: number; b: string }>("SELECT a, b FROM t");
  await database.close();
  const kept = new Set(rows.map(({ a }) => a));
  expect(acknowledged.length).toBeGreaterThan(600);
  expect(acknowledged.filter((number) => !kept.has(number))).toEqual([]);
  expect(rows.filter(({ b }) => b !== "whole")).toEqual([]);
});

test("the write-ahead log of an earlier process is copied into the database file before the database is used", async () => {
  const path = join(folder, "left.db");
  const acknowledged = await writeAndKill(`sqlite:${path}`, 50);
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
  const migrations = [{ id: "0001-t", sql: "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)" }];
  const database = await openDatabase(`sqlite:${path}`, { migrations });
  // The log of that process may not be on the disk, even if an fsync succeeds now: nothing may depend on it.
  expect(statSync(`${path}-wal`).size).toBe(0);
  const copy = join(folder, "copy-without-log.db");
  copyFileSync(path, copy);
  const alone = new DatabaseSync(copy, { readOnly: true });
  const kept = new Set(
    alone
      .prepare("SELECT a FROM t")
      .all()
      .map(({ a }) => a),
  );
  alone.close();
  await database.close();
  expect(acknowledged.filter((number) => !kept.has(number))).toEqual([]);
});
