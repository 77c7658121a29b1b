import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase } from "./open-database.ts";
import { groupSizeMax, queueLengthMax } from "./sqlite/group-commit.ts";
import {
  type CrashableDatabase,
  createCrashableDatabase,
  createTestSchema,
  describeDatabase,
  type TestSchema,
  testPostgresUrl,
} from "./testing/index.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-store-"));
let number = 0;
let crashable: CrashableDatabase | undefined;

beforeEach(() => {
  number++;
  crashable = undefined;
});
afterEach(() => crashable?.dispose());
afterAll(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, `${number}`, "deep", "test.db");

describeDatabase("a SQLite file", (migrations) => openDatabase(`sqlite:${file()}`, { migrations }));
describeDatabase("SQLite in memory", (migrations) => openDatabase("sqlite::memory:", { migrations }), {
  persistent: false,
});
describeDatabase("a crashable database", (migrations) => {
  crashable ??= createCrashableDatabase({ migrations: [] });
  return crashable.open(migrations);
});

if (testPostgresUrl === undefined) {
  console.log("Left out: the suite over PostgreSQL. `npm run test:postgres` runs it.");
} else {
  const schemas = new Map<number, Promise<TestSchema>>();
  const schemaOfTest = () => {
    const schema = schemas.get(number) ?? createTestSchema(testPostgresUrl as string);
    schemas.set(number, schema);
    return schema;
  };
  afterAll(async () => {
    for (const schema of schemas.values()) {
      await (await schema).drop();
    }
  });
  describeDatabase("PostgreSQL", async (migrations) => openDatabase((await schemaOfTest()).url, { migrations }));
}

const table = [{ id: "0001-t", sql: "CREATE TABLE t (a TEXT PRIMARY KEY)" }];

test("creates a missing folder and file", async () => {
  const database = await openDatabase(`sqlite:${file()}`, { migrations: table });
  expect(existsSync(file())).toBe(true);
  await database.close();
});

test.each([
  ["postgres://parley:secret@host", /names no database/],
  ["postgresql://host/orders", /names no user/],
  ["postgres://parley:secret@host/orders?pool=3", /unknown parameter "pool"/],
  ["postgres://parley:secret@host/orders?sslmode=prefer", /sslmode .* must be one of disable, require/],
  ["mysql://host/orders", /unknown scheme "mysql"/],
  ["./orders.db", /has no scheme/],
  ["", /has no scheme/],
  ["sqlite:", /names no file/],
  ["sqlite:./folder/", /names no file/],
  ["sqlite://host/orders.db", /not a host/],
  ["sqlite:orders.db?mode=ro", /takes no parameters/],
])("the URL %s is refused", async (url, message) => {
  const opened = openDatabase(url, { migrations: [] });
  await expect(opened).rejects.toThrow(message);
  await expect(opened).rejects.toThrow(expect.objectContaining({ name: "DatabaseUrlError" }));
  await expect(opened).rejects.not.toThrow(/secret/);
});

test("a file that is not a database is refused as damaged", async () => {
  const path = join(folder, "no-database.db");
  writeFileSync(path, "this is a text, not a database ".repeat(100));
  await expect(openDatabase(`sqlite:${path}`, { migrations: table })).rejects.toMatchObject({
    name: "StoreUnavailableError",
    problem: "corrupt",
  });
});

test("the error names a folder that cannot be created", async () => {
  const path = join(folder, "a-file");
  writeFileSync(path, "");
  await expect(openDatabase(`sqlite:${path}/in-a-file/test.db`, { migrations: table })).rejects.toMatchObject({
    name: "StoreUnavailableError",
    problem: "cannot-open",
  });
});

test.skipIf(process.platform === "win32")("new and existing files are readable by their owner alone", async () => {
  const modes = () => ["", "-wal", "-shm"].map((suffix) => (statSync(file() + suffix).mode & 0o777).toString(8));
  const first = await openDatabase(`sqlite:${file()}`, { migrations: table });
  expect(modes()).toEqual(["600", "600", "600"]);
  await first.close();
  // The files of an earlier version, whose process did not remove its log.
  writeFileSync(`${file()}-wal`, "");
  for (const suffix of ["", "-wal"]) chmodSync(file() + suffix, 0o644);
  const again = await openDatabase(`sqlite:${file()}`, { migrations: table });
  expect(modes()).toEqual(["600", "600", "600"]);
  await again.close();
});

test.skipIf(process.getuid?.() === 0)("a read-only file is reported as read-only", async () => {
  const database = await openDatabase(`sqlite:${file()}`, { migrations: table });
  await database.close();
  chmodSync(file(), 0o400);
  await expect(openDatabase(`sqlite:${file()}`, { migrations: table })).rejects.toMatchObject({ problem: "read-only" });
});

test("a full disk fails only the transactions that do not fit, and existing data stays", async () => {
  const database = await openDatabase(`sqlite:${file()}`, {
    // SQLite treats its page limit like a full disk.
    migrations: [...table, { id: "0002-full", sql: "INSERT INTO t VALUES ('kept')" }],
  });
  await database.transaction((transaction) => transaction.get("PRAGMA max_page_count = 20"));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) =>
      database.transaction((transaction) =>
        transaction.run("INSERT INTO t VALUES (?)", `${index}`.padStart(5000, "x")),
      ),
    ),
  );
  const failed = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(failed.length).toBeGreaterThan(10);
  for (const outcome of failed) {
    expect(outcome.reason).toMatchObject({ name: "StoreUnavailableError", problem: "disk-full" });
  }
  const rows = await database.all<{ a: string }>("SELECT a FROM t");
  expect(rows).toHaveLength(1 + outcomes.length - failed.length);
  await database.close();
});

test("a database that another program has locked fails with a clear error, then works again", async () => {
  const database = await openDatabase(`sqlite:${file()}`, { migrations: table });
  const other = new DatabaseSync(file());
  other.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES ('other')");
  const blocked = database.transaction((transaction) => transaction.run("INSERT INTO t VALUES ('blocked')"));
  await expect(blocked).rejects.toMatchObject({ name: "StoreUnavailableError", problem: "locked" });
  other.exec("COMMIT");
  await database.transaction((transaction) => transaction.run("INSERT INTO t VALUES ('again')"));
  await database.close();
  other.close();
});

test("waiting transactions share a commit, up to a limit", async () => {
  const points: string[] = [];
  crashable = createCrashableDatabase({ migrations: table, atPoint: (point) => points.push(point) });
  const database = await crashable.open();
  await Promise.all(
    Array.from({ length: groupSizeMax + 1 }, (_, index) =>
      database.transaction((transaction) => transaction.run("INSERT INTO t VALUES (?)", `${index}`)),
    ),
  );
  expect(points.filter((point) => point === "work")).toHaveLength(groupSizeMax + 1);
  expect(points.filter((point) => point === "committed")).toHaveLength(2);
  await database.close();
});

test("if the commit fails, all of its transactions fail, and later ones work", async () => {
  const database = await openDatabase(`sqlite:${file()}`, {
    migrations: [...table, { id: "0002-child", sql: "CREATE TABLE child (a TEXT REFERENCES t (a))" }],
  });
  const insert = (value: string) =>
    database.transaction((transaction) => transaction.run("INSERT INTO t VALUES (?)", value));
  let isCommitted = false;
  const outcomes = await Promise.allSettled([
    insert("before"),
    database.transaction(async (transaction) => {
      transaction.onCommit(() => {
        isCommitted = true;
      });
      // Defers the foreign key check until the commit. Only this test does so.
      await transaction.get("PRAGMA defer_foreign_keys = ON");
      await transaction.run("INSERT INTO child VALUES ('nobody')");
    }),
    insert("after"),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(isCommitted).toBe(false);
  expect(await database.all("SELECT a FROM t")).toEqual([]);
  await insert("next");
  expect(await database.all("SELECT a FROM t")).toEqual([{ a: "next" }]);
  await database.close();
});

test("calls beyond the queue limit are refused at once", async () => {
  const database = await openDatabase("sqlite::memory:", { migrations: table, schedule: () => {} });
  for (let index = 0; index < queueLengthMax; index++) {
    void database.transaction(async () => {});
  }
  await expect(database.transaction(async () => {})).rejects.toMatchObject({ problem: "queue-full" });
});
