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

/** Lets the program write for a while, kills it, and answers the numbers that it had told to be durable. */
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

test("a process that is killed in the middle of its work has lost nothing that it acknowledged, and left nothing half done", async () => {
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

test("what an earlier life left in the log is in the database file itself before anything is built on it", async () => {
  const path = join(folder, "left.db");
  const acknowledged = await writeAndKill(`sqlite:${path}`, 50);
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
  const migrations = [{ id: "0001-t", sql: "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)" }];
  const database = await openDatabase(`sqlite:${path}`, { migrations });
  // The log of that life may be on no disk, whatever an fsync says now: nothing may depend on it any more.
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
