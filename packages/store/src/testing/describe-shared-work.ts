import { expect, test } from "vitest";
import type { Database, SharedWork } from "../database.ts";
import { insertNumbered } from "../shared-rows.ts";
import { ConstraintError } from "../store-errors.ts";

/** The tests of shared work that every store passes. The schema is that of `describeDatabase`. */
export function describeSharedWork(database: () => Database): void {
  const insertSql = "INSERT INTO accounts (id, balance) VALUES (?, 1)";
  const ids = async () =>
    (await database().all<{ id: string }>("SELECT id FROM accounts ORDER BY id")).map(({ id }) => id);

  test("the items of committed transactions are handled together, those of failed ones are dropped", async () => {
    const committed: (readonly string[])[] = [];
    const noteAll: SharedWork<string> = async (transaction, items) => {
      await transaction.run(insertSql, items.join("+"));
      transaction.onCommit(() => committed.push(items));
    };
    const work = (id: string, fails: boolean) =>
      database().transaction(async (transaction) => {
        transaction.beforeCommit(noteAll, `${id}1`);
        transaction.beforeCommit(noteAll, `${id}2`);
        await transaction.run(insertSql, id);
        if (fails) {
          throw new Error("no");
        }
      });
    await Promise.allSettled([work("a", false), work("b", true), work("c", false)]);
    // Which transactions share a commit depends on the store.
    const items = committed.flat().sort();
    expect(items).toEqual(["a1", "a2", "c1", "c2"]);
    expect(await ids()).toEqual(["a", "c", ...committed.map((some) => some.join("+"))].sort());
  });

  test("shared work may queue more shared work", async () => {
    const second: SharedWork<string> = async (transaction, items) => {
      await transaction.run(insertSql, items.join(""));
    };
    const first: SharedWork<string> = async (transaction, items) => {
      for (const item of items) {
        transaction.beforeCommit(second, `${item}!`);
      }
    };
    await database().transaction(async (transaction) => transaction.beforeCommit(first, "a"));
    expect(await ids()).toEqual(["a!"]);
  });

  test("if shared work fails, only the transaction with the bad item fails", async () => {
    const committed: string[] = [];
    const openAll: SharedWork<{ readonly id: string; readonly balance: number }> = async (transaction, items) => {
      for (const { id, balance } of items) {
        await transaction.run("INSERT INTO accounts (id, balance) VALUES (?, ?)", id, balance);
      }
      transaction.onCommit(() => committed.push(...items.map(({ id }) => id)));
    };
    const bad = new Set([1, 4]);
    const works = Array.from({ length: 6 }, (_, number) =>
      database().transaction(async (transaction) => {
        await transaction.run(insertSql, `own-${number}`);
        transaction.beforeCommit(openAll, { id: `shared-${number}`, balance: bad.has(number) ? -1 : 1 });
        return number;
      }),
    );
    const plain = database().transaction((transaction) => transaction.run(insertSql, "plain"));
    const outcomes = await Promise.allSettled(works);
    expect(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason.name))).toEqual(
      Array.from({ length: 6 }, (_, number) => (bad.has(number) ? "ConstraintError" : number)),
    );
    expect(await plain).toBe(1);
    const good = [0, 2, 3, 5];
    expect(committed.sort()).toEqual(good.map((number) => `shared-${number}`));
    expect(await ids()).toEqual(["plain", ...good.flatMap((n) => [`own-${n}`, `shared-${n}`])].sort());
  });

  test("numbered rows have no gaps, and failed transactions take no numbers", async () => {
    const durable: (readonly [before: number | undefined, name: string])[] = [];
    const work = (name: string) =>
      database().transaction((transaction) =>
        insertNumbered(transaction, {
          head: "head",
          count: 2,
          inserts: [
            { into: "INSERT INTO numbered (sequence, name)", rows: [[1, `${name}1`] as const, [2, name] as const] },
            { into: "INSERT INTO named (sequence, name)", rows: name === "c" ? [] : [[2, name]] },
          ],
          onDurable: (before) => durable.push([before, name]),
        }),
      );
    const outcomes = await Promise.allSettled(["a", "bad", "b", "c"].map(work));
    expect(outcomes[1]).toMatchObject({ status: "rejected", reason: { name: "ConstraintError", kind: "check" } });
    const rows = await database().all<{ sequence: number; name: string }>("SELECT * FROM numbered ORDER BY sequence");
    expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    const nameOf = new Map(rows.map(({ sequence, name }) => [sequence, name]));
    expect(durable).toHaveLength(3);
    for (const [before = Number.NaN, name] of durable) {
      expect([nameOf.get(before + 1), nameOf.get(before + 2)]).toEqual([`${name}1`, name]);
    }
    for (const { sequence, name } of await database().all<{ sequence: number; name: string }>("SELECT * FROM named")) {
      expect(nameOf.get(sequence)).toBe(name);
    }
  });

  test("a transaction whose item fails is rolled back", async () => {
    const committed: string[] = [];
    const refuse: SharedWork<string> = async (transaction) => {
      transaction.onCommit(() => committed.push("committed"));
      await transaction.run("INSERT INTO accounts (id, balance) VALUES ('bad', -1)");
    };
    const work = database().transaction(async (transaction) => {
      await transaction.run("INSERT INTO accounts (id, balance) VALUES ('a', 1)");
      transaction.beforeCommit(refuse, "");
    });
    await expect(work).rejects.toThrow(ConstraintError);
    await database().transaction((transaction) => transaction.run(insertSql, "next"));
    expect(await ids()).toEqual(["next"]);
    expect(committed).toEqual([]);
  });
}
