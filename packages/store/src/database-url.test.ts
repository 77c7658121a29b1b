import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseDatabaseUrl, sqliteUrl } from "./database-url.ts";
import { openDatabase } from "./open-database.ts";

const names = [
  "C#",
  "why?",
  "100%",
  "%23",
  "a%41b",
  "with space",
  "ünï",
  "a&b=c",
  "semi;colon",
  "star*",
  "q'uote\"",
  "+",
];

it.each(names)("keeps a database in a folder named %j", async (name) => {
  const folder = mkdtempSync(join(tmpdir(), "parley-url-"));
  try {
    mkdirSync(join(folder, name));
    const url = sqliteUrl(join(folder, name, "user.db"));
    const migrations = [{ id: "0001-notes", sql: "CREATE TABLE notes (words TEXT NOT NULL)" }];
    const first = await openDatabase(url, { migrations });
    await first.transaction(async (tx) => tx.run("INSERT INTO notes (words) VALUES (?)", "kept"));
    await first.close();
    const second = await openDatabase(url, { migrations });
    expect(await second.all("SELECT words FROM notes")).toEqual([{ words: "kept" }]);
    await second.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("sqliteUrl and parseDatabaseUrl round-trip any path", () => {
  const segment = fc
    .string({ unit: "binary", minLength: 1 })
    .filter((text) => !/[\0/]/.test(text) && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
      const path = `/${segments.join("/")}`;
      expect(parseDatabaseUrl(sqliteUrl(path))).toEqual({ kind: "sqlite-file", path });
    }),
  );
});

it.each([
  ["sqlite:./a%20b.db", "./a b.db"],
  ["sqlite:./C%23/user.db", "./C#/user.db"],
  ["sqlite:./100%/user.db", "./100%/user.db"],
  ["sqlite:C:\\data\\user.db", "C:\\data\\user.db"],
  ["sqlite:%3Amemory:", "./:memory:"],
  ["sqlite:file:user.db", "./file:user.db"],
])("reads %s as the file %s", (url, path) => {
  expect(parseDatabaseUrl(url)).toEqual({ kind: "sqlite-file", path });
});

it.each([
  ["sqlite:./user.db?mode=ro", /For a "\?" in the path write "%3F"/],
  ["sqlite:./C#/user.db", /For a "#" in the path write "%23"/],
  ["sqlite:./%ff.db", /"%ff", which is not UTF-8/],
  ["sqlite:./user.db%00", /names no file/],
  ["sqlite:./data%2F", /names no file/],
])("refuses %s and names the accepted forms", (url, message) => {
  expect(() => parseDatabaseUrl(url)).toThrow(message);
});
