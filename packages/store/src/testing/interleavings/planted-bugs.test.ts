import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database, Migration } from "../../database.ts";
import { describeReplicas } from "../describe-replicas.ts";
import { exploreTwo, type Operation, openWorld, type Subject, type World } from "./describe-interleavings.ts";

/** Race conditions that READ COMMITTED allows. Each must be found with one preemption, as in the tests of the services. */
const migrations: readonly Migration[] = [
  {
    id: "0001-planted",
    sql: `
      CREATE TABLE products (id TEXT PRIMARY KEY, stock INTEGER NOT NULL);
      CREATE TABLE reservations (number INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT NOT NULL);
      CREATE TABLE planted_log (sequence BIGINT NOT NULL);
      CREATE TABLE planted_head (single INTEGER PRIMARY KEY, last_sequence BIGINT NOT NULL);
    `,
  },
];

const subject: Subject<Database> = {
  migrations,
  replica: (database) => database,
  async reset(database) {
    await database.transaction(async (transaction) => {
      for (const table of ["products", "reservations", "planted_log", "planted_head"]) {
        await transaction.run(`DELETE FROM ${table}`);
      }
      await transaction.run("INSERT INTO products VALUES ('p', 5), ('q', 5)");
      await transaction.run("INSERT INTO planted_head VALUES (1, 0)");
    });
  },
  observe: async (database) => ({
    stock: await database.all("SELECT id, stock FROM products ORDER BY id"),
    reservations: await database.all("SELECT order_id FROM reservations"),
    log: await database.all("SELECT sequence FROM planted_log ORDER BY sequence"),
  }),
  watched: { planted_log: "in order" },
  operations: [],
};

const planted: Readonly<Record<string, Operation<Database>["run"]>> = {
  "a stock that is read without a lock, and written": (database) =>
    database.transaction(async (transaction) => {
      const row = await transaction.get<{ stock: number }>("SELECT stock FROM products WHERE id = 'p'");
      await transaction.run("UPDATE products SET stock = ? WHERE id = 'p'", (row?.stock ?? 0) - 1);
    }),
  "a reservation that is looked for, and then inserted": (database) =>
    database.transaction(async (transaction) => {
      const sql = "SELECT number FROM reservations WHERE order_id = 'o1'";
      if ((await transaction.get(sql)) !== undefined) return;
      await transaction.run("INSERT INTO reservations (order_id) VALUES ('o1')");
      await transaction.run("UPDATE products SET stock = stock - 1 WHERE id = 'p'");
    }),
  "a stock that is checked in a transaction of its own": async (database) => {
    const row = await database.get<{ stock: number }>("SELECT stock FROM products WHERE id = 'p'");
    if ((row?.stock ?? 0) < 4) return "none left";
    await database.transaction((transaction) =>
      transaction.run("UPDATE products SET stock = stock - 3 WHERE id = 'p'"),
    );
    return "sold";
  },
  "a sequence from the highest one so far": (database) =>
    database.transaction((transaction) =>
      transaction.run("INSERT INTO planted_log SELECT COALESCE(MAX(sequence), 0) + 1 FROM planted_log"),
    ),
};

describeReplicas("planted bugs, interleaved by statement", () => {
  let world: World<Database>;
  beforeAll(async () => {
    world = await openWorld(subject);
  });
  afterAll(() => world.close());

  test.each(Object.entries(planted))("%s: is found", async (name, run) => {
    await expect(
      exploreTwo(
        world,
        [
          { name, run },
          { name, run },
        ],
        1,
      ),
    ).rejects.toThrow(/a result of no serial execution/);
  });

  test("a sequence that is taken early and committed late: is found", async () => {
    const taking = (database: Database, early: boolean) =>
      database.transaction(async (transaction) => {
        const row = await transaction.get<{ last: number }>("SELECT last_sequence AS last FROM planted_head");
        const sequence = (row?.last ?? 0) + (early ? 1 : 2);
        await transaction.run("INSERT INTO planted_log VALUES (?)", sequence);
      });
    const early = { name: "early", run: (database: Database) => taking(database, true) };
    const late = { name: "late", run: (database: Database) => taking(database, false) };
    await expect(exploreTwo(world, [early, late], 1)).rejects.toThrow(/planted_log: 1 became visible after 2/);
  });

  test("the loser of a deadlock runs again", async () => {
    const taking = (...ids: readonly string[]) => ({
      name: `take ${ids}`,
      run: (database: Database) =>
        database.transaction(async (transaction) => {
          for (const id of ids) await transaction.run("UPDATE products SET stock = stock - 1 WHERE id = ?", id);
        }),
    });
    const before = world.gates.flatMap(({ errors }) => errors).length;
    const executions = await exploreTwo(world, [taking("p", "q"), taking("q", "p")], 1);
    const errors = world.gates.flatMap((gate) => gate.errors).slice(before);
    expect(errors).toContain("40P01");
    for (const { outcomes } of executions) {
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    }
  });

  test("a row lock prevents a lost update", async () => {
    const run = (database: Database) =>
      database.transaction(async (transaction) => {
        const row = await transaction.get<{ stock: number }>("SELECT stock FROM products WHERE id = 'p' FOR UPDATE");
        await transaction.run("UPDATE products SET stock = ? WHERE id = 'p'", (row?.stock ?? 0) - 1);
      });
    const executions = await exploreTwo(
      world,
      [
        { name: "a", run },
        { name: "b", run },
      ],
      2,
    );
    expect(executions.some(({ trace }) => trace.some((step) => step.endsWith("(waits)")))).toBe(true);
  });
});
