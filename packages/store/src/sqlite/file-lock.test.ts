import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase } from "../open-database.ts";
import { findFileHolder } from "./file-lock.ts";

const program = join(import.meta.dirname, "..", "testing", "write-until-killed.ts");
const migrations = [{ id: "0001-t", sql: "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)" }];

let folder: string;
let children: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-lock-"));
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    await kill(child);
  }
  rmSync(folder, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

/** A process that opens the database and writes to it. */
async function startHolder(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, `sqlite:${path}`], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  child.stdout.resume();
  return child;
}

test("a second process is refused with the name of the first, and admitted once the first has ended in any way", async () => {
  const path = join(folder, "orders.db");
  const child = await startHolder(path);
  expect(findFileHolder(path)).toMatchObject({ isHeld: true, holder: { processId: child.pid } });
  const refused = openDatabase(`sqlite:${path}`, { migrations });
  await expect(refused).rejects.toMatchObject({ name: "StoreUnavailableError", problem: "locked" });
  await expect(refused).rejects.toThrow(
    new RegExp(`orders\\.db is in use by process ${child.pid} \\(.*write-until-killed`),
  );
  // The lock's owner was not disturbed: it continues to write.
  await once(child.stdout as NodeJS.ReadableStream, "data");

  await kill(child);
  expect(findFileHolder(path)).toEqual({ isHeld: false });
  const database = await openDatabase(`sqlite:${path}`, { migrations });
  expect((await database.get<{ n: number }>("SELECT COUNT(*) AS n FROM t"))?.n).toBeGreaterThan(0);
  await database.close();
});

test("a file that is opened twice in one process is refused the second time, under any of its paths", async () => {
  mkdirSync(join(folder, "real"));
  symlinkSync(join(folder, "real"), join(folder, "linked"));
  const path = join(folder, "real", "orders.db");
  const database = await openDatabase(`sqlite:${path}`, { migrations });
  symlinkSync(path, join(folder, "other-name.db"));
  const names = [
    path,
    join(folder, "linked", "orders.db"),
    join(folder, "other-name.db"),
    relative(process.cwd(), path),
  ];
  for (const name of names) {
    const again = openDatabase(`sqlite:${name}`, { migrations });
    await expect(again).rejects.toThrow(`is in use by process ${process.pid} `);
  }
  // The first one keeps its lock.
  await database.transaction((transaction) => transaction.run("INSERT INTO t VALUES (1, 'one')"));
  expect(findFileHolder(path).isHeld).toBe(true);
  await database.close();
  expect(findFileHolder(path).isHeld).toBe(false);
  expect(existsSync(`${path}-owner`)).toBe(false);
});

test("two files in one folder have two locks, and a file that cannot be opened is not left locked", async () => {
  const first = await openDatabase(`sqlite:${join(folder, "a.db")}`, { migrations });
  const second = await openDatabase(`sqlite:${join(folder, "b.db")}`, { migrations });
  await Promise.all([first.close(), second.close()]);
  const changed = [{ id: "0001-t", sql: "CREATE TABLE t (a TEXT)" }];
  await expect(openDatabase(`sqlite:${join(folder, "a.db")}`, { migrations: changed })).rejects.toThrow("was changed");
  const again = await openDatabase(`sqlite:${join(folder, "a.db")}`, { migrations });
  await again.close();
});

test("a process that starts while its predecessor is ending waits for it", async () => {
  const url = `sqlite:${join(folder, "orders.db")}`;
  const before = await openDatabase(url, { migrations });
  const next = openDatabase(url, { migrations });
  setTimeout(() => void before.close(), 100);
  await (await next).close();
});
