import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Command, Database, Migration } from "../database.ts";
import { execute } from "../execute.ts";
import { openDatabase } from "../open-database.ts";
import { RunAgainError, StoreUnavailableError } from "../store-errors.ts";
import { startTcpProxy, type TcpProxy } from "../testing/tcp-proxy.ts";
import { createTestSchema, type TestSchema, testPostgresUrl } from "../testing/test-database.ts";

const migrations: readonly Migration[] = [
  { id: "0001-t", sql: "CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n >= 0))" },
  { id: "0002-row", sql: "INSERT INTO t (id, n) VALUES ('counter', 0)" },
  { id: "0003-u", sql: "CREATE TABLE u (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL)" },
];

describe.skipIf(testPostgresUrl === undefined)("PostgreSQL", () => {
  const serverUrl = testPostgresUrl ?? "postgres://unused@localhost/none";
  let schema: TestSchema;
  let proxy: TcpProxy;
  let database: Database;
  let opened: Database[];

  beforeAll(async () => {
    proxy = await startTcpProxy(Number(new URL(serverUrl).port));
  });
  afterAll(() => proxy.goAway());
  beforeEach(async () => {
    opened = [];
    proxy.onClientData = () => "pass";
    schema = await createTestSchema(serverUrl);
    database = await open();
  });
  afterEach(async () => {
    for (const one of opened) {
      await one.close();
    }
    await schema.drop();
  });

  /** The database, connected through the proxy. */
  async function open(): Promise<Database> {
    const url = new URL(schema.url);
    url.port = String(proxy.port);
    const one = await openDatabase(url.href, { migrations });
    opened.push(one);
    return one;
  }

  const insert = (id: string, n = 1) =>
    database.transaction((transaction) => transaction.run("INSERT INTO t (id, n) VALUES (?, ?)", id, n));
  const add = (one = database) =>
    one.transaction((transaction) => transaction.run("UPDATE t SET n = n + 1 WHERE id = 'counter'"));
  const counter = async () => (await database.get<{ n: number }>("SELECT n FROM t WHERE id = 'counter'"))?.n;

  /** A command that records its batches. */
  function insertTogether() {
    const batches: (readonly string[])[] = [];
    const command: Command<{ readonly id: string; readonly n?: number }, string> = {
      name: "insert",
      async one() {
        throw new Error("many are done together");
      },
      async many(transaction, inputs) {
        batches.push(inputs.map(({ id }) => id));
        await transaction.run(
          "INSERT INTO t (id, n) SELECT * FROM unnest(?::text[], ?::int4[])",
          inputs.map(({ id }) => id),
          inputs.map(({ n = 1 }) => n),
        );
        return inputs.map(({ id }) => (id === "refused" ? { refusal: new RangeError("no") } : { answer: id }));
      },
    };
    return {
      batches,
      run: (id: string, n?: number) => execute(database, command, { input: { id, n: n ?? 1 } }),
      command,
    };
  }

  test("processes that start concurrently apply each migration once", async () => {
    const empty = await createTestSchema(serverUrl);
    const all = await Promise.all(Array.from({ length: 6 }, () => openDatabase(empty.url, { migrations })));
    expect(await all[0]?.all("SELECT id FROM parley_migrations ORDER BY id")).toHaveLength(migrations.length);
    expect(await all[5]?.all("SELECT id FROM t")).toEqual([{ id: "counter" }]);
    await Promise.all(all.map((one) => one.close()));
    await empty.drop();
  });

  test("a command runs for many inputs in one batch, and a refusal affects one input only", async () => {
    const { run, batches } = insertTogether();
    const names = Array.from({ length: 200 }, (_, index) => `c${index}`);
    const outcomes = await Promise.allSettled([...names, "refused"].map((id) => run(id)));
    expect(outcomes.slice(0, -1).map((outcome) => outcome.status === "fulfilled" && outcome.value)).toEqual(names);
    expect(outcomes.at(-1)).toMatchObject({ status: "rejected", reason: new RangeError("no") });
    expect(batches.length).toBeLessThan(20);
  });

  test("in a failing batch only the failing input fails", async () => {
    const { run } = insertTogether();
    const outcomes = await Promise.allSettled([run("a"), run("b"), run("bad", -1), run("c"), run("a")]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
    ]);
    expect(outcomes[2]).toMatchObject({ reason: { name: "ConstraintError", kind: "check" } });
  });

  test("inputs of callers that aborted while waiting are skipped", async () => {
    const { batches, command } = insertTogether();
    const gone = new AbortController();
    const input = { id: "gone" };
    const left = execute(database, command, { input, signal: gone.signal });
    gone.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await expect(database.transaction(async () => 1, { signal: gone.signal })).rejects.toThrow("left");
    expect(batches).toEqual([]);
  });

  test("transactions that lock rows in opposite orders both succeed", async () => {
    await insert("a");
    await insert("b");
    const lock = async (first: string, second: string) =>
      database.transaction(async (transaction) => {
        for (const id of [first, second]) {
          await transaction.run("UPDATE t SET n = n + 1 WHERE id = ?", id);
        }
      });
    await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? lock("a", "b") : lock("b", "a"))));
    expect(await database.all("SELECT n FROM t WHERE id <> 'counter' ORDER BY id")).toEqual([{ n: 13 }, { n: 13 }]);
  });

  test("a body that detects a conflict is run again, and fails as contended if it persists", async () => {
    let runs = 0;
    const body = (times: number) =>
      database.transaction(async (transaction) => {
        await transaction.run("UPDATE t SET n = n + 1 WHERE id = 'counter'");
        if (++runs <= times) throw new RunAgainError("another transaction changed the row");
      });
    await body(2);
    expect(await counter()).toBe(1);
    await expect(body(100)).rejects.toMatchObject({ problem: "contended" });
    expect(await counter()).toBe(1);
  });

  test("connections that the server terminates lose no transaction and repeat none", async () => {
    let done = 0;
    let ending = true;
    const killing = (async () => {
      while (ending) {
        await wait(30);
        // The schema is set in the options of each connection.
        await database
          .all(
            "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE application_name = 'parley' AND pid <> pg_backend_pid() AND query LIKE '%counter%'",
          )
          .catch(() => {});
      }
    })();
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => add()));
      done += outcomes.filter(({ status }) => status === "fulfilled").length;
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(StoreUnavailableError);
      }
    }
    ending = false;
    await killing;
    await expect.poll(() => counter()).toBe(done);
    expect(done).toBeGreaterThan(0);
  });

  test.each(["cut-before", "cut-after"] as const)(
    "a connection that is lost during COMMIT (%s) leaves one effect, and its caller is answered",
    async (fate) => {
      let cuts = 0;
      proxy.onClientData = (data) => {
        if (!data.includes("COMMIT") || cuts > 0) return "pass";
        cuts++;
        return fate;
      };
      let bodies = 0;
      await database.transaction(async (transaction) => {
        bodies++;
        await transaction.run("INSERT INTO u (name) VALUES ('once')");
      });
      expect(cuts).toBe(1);
      expect(bodies).toBe(fate === "cut-before" ? 2 : 1);
      expect(await database.all("SELECT name FROM u")).toEqual([{ name: "once" }]);
    },
  );

  test("an unreachable server is reported, calls are refused at once, and the server is used again when it is back", async () => {
    const problems: (string | undefined)[] = [];
    database.onReachable?.((problem) => problems.push((problem as StoreUnavailableError | undefined)?.problem));
    await add();
    await proxy.goAway();
    await expect.poll(() => problems).toEqual(["unreachable"]);
    await expect(add()).rejects.toMatchObject({ name: "StoreUnavailableError", problem: "unreachable" });
    await expect(counter()).rejects.toMatchObject({ problem: "unreachable" });
    await proxy.comeBack();
    await expect.poll(() => problems, { timeout: 10_000 }).toEqual(["unreachable", undefined]);
    await add();
    expect(await counter()).toBe(2);
  });

  test("waits for a server that is unavailable at startup", async () => {
    await proxy.goAway();
    const messages: string[] = [];
    const url = new URL(schema.url);
    url.port = String(proxy.port);
    const opening = openDatabase(url.href, { migrations, log: { warn: (_, message) => messages.push(message) } });
    await expect.poll(() => messages.length).toBeGreaterThan(1);
    await proxy.comeBack();
    opened.push(await opening);
    expect(messages[0]).toBe("waiting for the PostgreSQL server of DATABASE_URL");
  });

  test.each([
    ["a migration", "SELECT CASE WHEN nextval('tries') < 3 THEN pg_terminate_backend(pg_backend_pid()) END"],
    [
      "its commit",
      "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON parley_migrations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()",
    ],
  ])("migrates again if the connection is lost during %s at startup", async (_name, sql) => {
    // A sequence keeps its value if the transaction is lost.
    const setUp = `CREATE SEQUENCE tries; CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('tries') < 3 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$`;
    const messages: string[] = [];
    const reopened = await openDatabase(schema.url, {
      migrations: [...migrations, { id: "90-set-up", sql: setUp }, { id: "91-cut", sql }],
      log: { warn: (_, message) => messages.push(message) },
    });
    opened.push(reopened);
    const lost = messages.filter((message) => message.startsWith("connection lost during migration"));
    expect(lost.length).toBe(2);
    expect(await reopened.all("SELECT COUNT(*) AS steps FROM parley_migrations WHERE id LIKE '9%'")).toEqual([
      { steps: 2 },
    ]);
  });

  test("waits for a read-only standby to be promoted, and logs it", async () => {
    const url = new URL(schema.url);
    url.searchParams.set("options", `-c search_path=${schema.name} -c default_transaction_read_only=on`);
    const messages: object[] = [];
    const stop = new AbortController();
    const log = { warn: (details: object) => void messages.push(details) };
    const opening = openDatabase(url.href, { migrations, log, signal: stop.signal });
    await expect.poll(() => messages[0]).toMatchObject({ error: expect.stringContaining("read-only standby") });
    stop.abort();
    await expect(opening).rejects.toThrow();
  });

  test.each([
    ["a wrong password", (url: URL) => Object.assign(url, { password: "wrong" }), /password is wrong/],
    ["a database that does not exist", (url: URL) => Object.assign(url, { pathname: "/nowhere" }), /does not exist/],
    [
      "a schema that does not exist",
      (url: URL) => new URL(url.href.replace(/search_path%3D\w+/, "search_path%3Dnowhere")),
      /schema does not exist/,
    ],
  ])("%s is explained without the password", async (_, change, message) => {
    const opening = openDatabase(change(new URL(schema.url)).href, { migrations });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toMatchObject({ name: "DatabaseUrlError", setting: "DATABASE_URL" });
    await expect(opening).rejects.not.toThrow(/wrong@|:wrong/);
  });

  test("text is sorted by its bytes, whatever the locale of the database", async () => {
    for (const id of ["a", "B", "ä", "Z", "_"]) await insert(id);
    const rows = await database.all<{ id: string }>("SELECT id FROM t WHERE id <> 'counter' ORDER BY id");
    expect(rows.map(({ id }) => id)).toEqual(["B", "Z", "_", "a", "ä"]);
  });
});
