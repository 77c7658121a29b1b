import { afterEach, beforeEach, expect, test } from "vitest";
import type { Database, Transaction } from "./database.ts";
import { inParts, insertRows, marksFor } from "./many-rows.ts";
import { openDatabase } from "./open-database.ts";

let database: Database;

beforeEach(async () => {
  const sql =
    "CREATE TABLE entries (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, size INTEGER)";
  database = await openDatabase("sqlite::memory:", { migrations: [{ id: "0001-entries", sql }] });
});

afterEach(() => database.close());

const rows = (count: number) => Array.from({ length: count }, (_, index) => [`entry ${index}`, index]);
const insert = (transaction: Transaction, count: number) =>
  insertRows(transaction, {
    into: "INSERT INTO entries (name, size)",
    rows: rows(count),
    ending: "ON CONFLICT DO NOTHING",
  });

test.each([0, 1, 2, 3, 63, 64, 65, 200])("%i rows are inserted in order", async (count) => {
  expect(await database.transaction((transaction) => insert(transaction, count))).toBe(count);
  const found = await database.all<{ name: string; size: number }>("SELECT name, size FROM entries ORDER BY number");
  expect(found.map(({ name, size }) => [name, size])).toEqual(rows(count));
});

test("existing rows are not counted", async () => {
  await database.transaction((transaction) => insert(transaction, 5));
  expect(await database.transaction((transaction) => insert(transaction, 9))).toBe(4);
});

test("few statements cover lists of every length", () => {
  const lengths = new Set<number>();
  for (let length = 0; length <= 300; length++) {
    const items = Array.from({ length }, (_, index) => index);
    const parts = [...inParts(items)];
    expect(parts.flat()).toEqual(items);
    for (const part of parts) {
      lengths.add(part.length);
    }
  }
  expect([...lengths].sort((a, b) => a - b)).toEqual([1, 2, 4, 8, 16, 32, 64]);
});

test("a list has a placeholder for each item", () => {
  expect(marksFor([])).toBe("");
  expect(marksFor(["a"])).toBe("?");
  expect(marksFor(["a", "b", "c"])).toBe("?, ?, ?");
});
