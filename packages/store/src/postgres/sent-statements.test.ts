import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Command, Database, Migration, SetTransaction } from "../database.ts";
import { execute } from "../execute.ts";
import { openDatabase } from "../open-database.ts";
import { startTcpProxy, type TcpProxy } from "../testing/tcp-proxy.ts";
import { createTestSchema, type TestSchema, testPostgresUrl } from "../testing/test-database.ts";

const migrations: readonly Migration[] = [
  { id: "0001-t", sql: "CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n >= 0))" },
  { id: "0002-row", sql: "INSERT INTO t (id, n) VALUES ('counter', 0)" },
];

interface Input {
  readonly id: string;
  readonly n?: number;
}

const insertSql = "INSERT INTO t (id, n) SELECT * FROM unnest(?::text[], ?::int4[])";

describe.skipIf(testPostgresUrl === undefined)("statements that are sent with their COMMIT", () => {
  let schema: TestSchema;
  let proxy: TcpProxy;
  let database: Database;

  beforeAll(async () => {
    proxy = await startTcpProxy(Number(new URL(testPostgresUrl ?? "").port));
  });
  afterAll(() => proxy.goAway());
  beforeEach(async () => {
    proxy.onClientData = () => "pass";
    schema = await createTestSchema(testPostgresUrl ?? "");
    const url = new URL(schema.url);
    url.port = String(proxy.port);
    database = await openDatabase(url.href, { migrations });
  });
  afterEach(async () => {
    await database.close();
    await schema.drop();
  });

  function insertCommand({ runAgainIfTaken = false } = {}): Command<Input, string> & { runs: number } {
    const command = {
      runs: 0,
      name: "insert",
      async one() {
        throw new Error("many are done together");
      },
      async many(transaction: SetTransaction, inputs: readonly Input[]) {
        command.runs++;
        const parameters = [inputs.map(({ id }) => id), inputs.map(({ n = 1 }) => n)];
        const inserted = transaction.send<{ id: string }>({
          sql: `${insertSql} RETURNING id`,
          parameters,
          runAgainIfTaken,
        });
        return () => {
          const ids = inserted().map(({ id }) => id);
          return inputs.map(({ id }) => ({ answer: `${id} of ${ids.join()}` }));
        };
      },
    };
    return command;
  }
  const run = (command: Command<Input, string>, input: Input) => execute(database, command, { input });
  const ids = async () =>
    (await database.all<{ id: string }>("SELECT id FROM t WHERE id <> 'counter' ORDER BY id")).map(({ id }) => id);

  test("the whole transaction is one write", async () => {
    const command = insertCommand();
    await run(command, { id: "a" });
    const writes: string[] = [];
    proxy.onClientData = (data) => {
      writes.push(data.toString("latin1"));
      return "pass";
    };
    expect(await Promise.all([run(command, { id: "b" }), run(command, { id: "c" })])).toEqual(["b of b,c", "c of b,c"]);
    expect(writes).toHaveLength(1);
    expect(writes[0]).toMatch(/BEGIN.*\{"b","c"\}.*COMMIT/s);
  });

  test("one that fails rolls its transaction back, and only its own input fails", async () => {
    const command = insertCommand();
    const outcomes = await Promise.allSettled(
      [{ id: "a" }, { id: "bad", n: -1 }, { id: "c" }, { id: "a" }].map((input) => run(command, input)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(outcomes[1]).toMatchObject({ reason: { name: "ConstraintError", kind: "check" } });
    expect(outcomes[3]).toMatchObject({ reason: { name: "ConstraintError", kind: "unique" } });
    expect(await ids()).toEqual(["a", "c"]);
  });

  test("a taken key runs it again, if `runAgainIfTaken` is set", async () => {
    let runs = 0;
    const command = insertCommand({ runAgainIfTaken: true });
    const counted: typeof command = {
      ...command,
      async many(transaction, inputs) {
        runs++;
        // The row of the other transaction is deleted before the last attempt.
        if (runs === 3) await transaction.run("DELETE FROM t WHERE id = 'a'");
        return await command.many(transaction, inputs);
      },
    };
    await run(command, { id: "a" });
    expect(await run(counted, { id: "a" })).toBe("a of a");
    expect(runs).toBe(3);
    await expect(run(command, { id: "a" })).rejects.toMatchObject({ problem: "contended" });
  });

  test.each(["cut-before", "cut-after"] as const)(
    "a connection that is lost during it (%s) leaves one effect, and no wrong answer",
    async (fate) => {
      let cuts = 0;
      proxy.onClientData = (data) => {
        if (!data.includes("COMMIT") || cuts > 0) return "pass";
        cuts++;
        return fate;
      };
      const command = insertCommand();
      const [outcome] = await Promise.allSettled([run(command, { id: "once" })]);
      expect(cuts).toBe(1);
      if (fate === "cut-before") expect(command.runs).toBe(2);
      // If it took effect, its rows are unknown, and the caller must read them. If the server was too slow, it can no longer take effect.
      if (command.runs === 1) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { problem: "unknown-outcome" } });
      } else expect(outcome).toEqual({ status: "fulfilled", value: "once of once" });
      expect(await ids()).toEqual(["once"]);
    },
  );

  describe("that require a row of each input", () => {
    /** Changes a row of each input, and inserts one as its effect. False if the row does not exist, or was changed before. */
    const changeOnce: Command<Input, boolean> = {
      name: "changeOnce",
      async one(transaction, { id }) {
        if ((await transaction.run("UPDATE t SET n = 2 WHERE id = ? AND n = 1", id)) === 0) return false;
        await transaction.run("INSERT INTO t (id, n) VALUES (?, 3)", `effect of ${id}`);
        return true;
      },
      async many(transaction, inputs) {
        const changed = inputs.map(({ id }) => id);
        const sql = "UPDATE t SET n = 2 WHERE id = ANY(?::text[]) AND n = 1 RETURNING id";
        transaction.send({ sql, parameters: [changed], rowCount: inputs.length });
        const effects = changed.map((id) => `effect of ${id}`);
        transaction.send({ sql: insertSql, parameters: [effects, effects.map(() => 3)] });
        return inputs.map(() => ({ answer: true }));
      },
    };
    const changeAll = (names: readonly string[]) =>
      Promise.all(names.map((id) => execute(database, changeOnce, { input: { id } })));

    test("are one write with their effects and COMMIT", async () => {
      await Promise.all(["a", "b", "c"].map((id) => run(insertCommand(), { id })));
      await changeAll(["a"]);
      const writes: string[] = [];
      proxy.onClientData = (data) => {
        writes.push(data.toString("latin1"));
        return "pass";
      };
      expect(await changeAll(["b", "c"])).toEqual([true, true]);
      expect(writes).toHaveLength(1);
      expect(await ids()).toEqual(["a", "b", "c", "effect of a", "effect of b", "effect of c"]);
    });

    test("run the inputs by themselves whose row is missing, and those that are twice in a batch", async () => {
      const exists = fc.subarray(["a", "b", "c", "d", "e"]);
      await fc.assert(
        fc.asyncProperty(
          exists,
          fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1 }),
          async (rows, given) => {
            await database.transaction((transaction) => transaction.run("DELETE FROM t WHERE id <> 'counter'"));
            await Promise.all(rows.map((id) => run(insertCommand(), { id })));
            const first = new Set(rows);
            expect(await changeAll(given)).toEqual(given.map((id) => first.delete(id)));
            const effects = given.filter((id) => rows.includes(id)).map((id) => `effect of ${id}`);
            expect(await ids()).toEqual([...new Set([...rows, ...effects])].sort());
          },
        ),
        { numRuns: 30 },
      );
    });
  });

  test("arrays hold any text, bytes and number", async () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", '"', "\\", "'", ",", "{", "}", " ", "\n", "é", "😀"), maxLength: 6 }),
      fc.constantFrom("NULL", "null", "\\x00", "$1", "?"),
    );
    const row = fc.tuple(
      fc.option(text),
      fc.option(fc.uint8Array({ maxLength: 4 })),
      fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 5 }), async (rows) => {
        const columns = [0, 1, 2].map((index) => rows.map((one) => one[index] ?? null));
        const given = await database.transaction((transaction) =>
          (transaction as SetTransaction).all<{ a: string; b: Uint8Array; c: number | bigint }>(
            "SELECT a, b, c FROM unnest(?::text[], ?::bytea[], ?::int8[]) AS given (a, b, c)",
            ...columns,
          ),
        );
        expect(given.map(({ a, b, c }) => [a, b && [...b], c === null ? null : BigInt(c)])).toEqual(
          rows.map(([a, b, c]) => [a, b && [...b], c]),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("statements use an index, also while their table is small", async () => {
    const plan = await database.transaction((transaction) =>
      transaction.all<Record<string, string>>(
        `EXPLAIN UPDATE t SET n = given.n FROM (SELECT 'counter' AS id, 1 AS n UNION ALL SELECT 'a', 2) AS given WHERE t.id = given.id`,
      ),
    );
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(text).toMatch(/Index Scan using t_pkey on \S*t/);
    expect(text).not.toMatch(/Seq Scan|Hash Join|Merge Join/);
  });
});
