import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Migration } from "../database.ts";
import { openDatabase } from "../open-database.ts";
import { createTestSchema, type TestSchema, testPostgresUrl } from "../testing/test-database.ts";
import { copyToPostgres } from "./copy-to-postgres.ts";

const migrations: readonly Migration[] = [
  {
    id: "0001-t",
    sql: `
      CREATE TABLE things (owner TEXT NOT NULL, id TEXT NOT NULL, n BIGINT, bytes BLOB, PRIMARY KEY (owner, id));
      CREATE TABLE entries (number INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT NOT NULL);
      CREATE TABLE head (single INTEGER PRIMARY KEY CHECK (single = 1), last BIGINT NOT NULL);
      INSERT INTO head (single, last) VALUES (1, 0);
    `,
  },
];

describe.skipIf(testPostgresUrl === undefined)("copying a SQLite file to PostgreSQL", () => {
  let folder: string;
  let schema: TestSchema;
  let from: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "parley-copy-"));
    from = `sqlite:${join(folder, "source.db")}`;
    schema = await createTestSchema(testPostgresUrl ?? "");
    const source = await openDatabase(from, { migrations });
    await source.transaction(async (transaction) => {
      for (let number = 0; number < 1_203; number++) {
        const values = [
          `o${number % 7}`,
          `ä_Z${number}`,
          2n ** 60n + BigInt(number),
          new Uint8Array([0, number % 256]),
        ];
        await transaction.run("INSERT INTO things (owner, id, n, bytes) VALUES (?, ?, ?, ?)", ...values);
      }
      await transaction.run("INSERT INTO things (owner, id) VALUES ('', 'empty')");
      await transaction.run("INSERT INTO entries (note) VALUES ('first'), ('second')");
      await transaction.run("UPDATE head SET last = 42");
    });
    await source.close();
  });
  afterEach(async () => {
    await schema.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("copies every row, and auto-increment columns continue after the last value", async () => {
    const tables: [string, number][] = [];
    await copyToPostgres({ from, to: schema.url, migrations, onTable: (...table) => tables.push(table) });
    expect(tables).toEqual([
      ["entries", 2],
      ["head", 1],
      ["things", 1_204],
    ]);
    const target = await openDatabase(schema.url, { migrations });
    const number = await target.transaction((transaction) =>
      transaction.get("INSERT INTO entries (note) VALUES ('third') RETURNING number"),
    );
    expect(number).toEqual({ number: 3 });
    expect(await target.get("SELECT last FROM head")).toEqual({ last: 42 });
    expect(await target.get("SELECT n FROM things WHERE id = 'ä_Z7'")).toEqual({ n: 2n ** 60n + 7n });
    await target.close();
  });

  test("refuses a target that has rows, and does not change it", async () => {
    const target = await openDatabase(schema.url, { migrations });
    await target.transaction((transaction) => transaction.run("INSERT INTO things (owner, id) VALUES ('a', 'b')"));
    await expect(copyToPostgres({ from, to: schema.url, migrations })).rejects.toThrow(
      "The target has rows in things already",
    );
    expect(await target.all("SELECT note FROM entries")).toEqual([]);
    await target.close();
  });

  test("refuses a file that its service has open", async () => {
    const source = await openDatabase(from, { migrations });
    await expect(copyToPostgres({ from, to: schema.url, migrations })).rejects.toMatchObject({ problem: "locked" });
    await source.close();
  });

  test("refuses URLs of the wrong kind", async () => {
    await expect(copyToPostgres({ from: schema.url, to: schema.url, migrations })).rejects.toThrow("--from");
    await expect(copyToPostgres({ from, to: from, migrations })).rejects.toThrow("--to");
  });
});
