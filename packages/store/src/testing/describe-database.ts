import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Database, Migration } from "../database.ts";
import {
  ConstraintError,
  MigrationError,
  StoreUnavailableError,
  TransactionEndedError,
  TransactionStuckError,
} from "../store-errors.ts";
import { describeSharedWork } from "./describe-shared-work.ts";

const schema: readonly Migration[] = [
  {
    id: "0001-accounts",
    sql: `
      CREATE TABLE accounts (id TEXT PRIMARY KEY, balance BIGINT NOT NULL CHECK (balance >= 0), email TEXT UNIQUE);
      CREATE TABLE entries (number INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT NOT NULL REFERENCES accounts (id), note BLOB);
      CREATE TABLE head (single INTEGER PRIMARY KEY CHECK (single = 1), last_sequence BIGINT NOT NULL);
      INSERT INTO head (single, last_sequence) VALUES (1, 0);
      CREATE TABLE numbered (sequence BIGINT PRIMARY KEY, name TEXT NOT NULL CHECK (name <> 'bad'));
      CREATE TABLE named (sequence BIGINT PRIMARY KEY, name TEXT NOT NULL);
    `,
  },
];

/** Creates or opens the database of one test: the same one for all calls within a test, empty at first. */
export type OpenForTest = (migrations: readonly Migration[]) => Promise<Database>;

/** The tests that every store passes. `persistent` is false if the data is lost on close. */
export function describeDatabase(
  name: string,
  open: OpenForTest,
  { persistent = true }: { readonly persistent?: boolean } = {},
): void {
  describe(name, () => {
    let database: Database;

    beforeEach(async () => {
      database = await open(schema);
    });

    afterEach(() => database.close());

    const insert = (id: string, balance = 10) =>
      database.transaction((transaction) =>
        transaction.run("INSERT INTO accounts (id, balance) VALUES (?, ?)", id, balance),
      );
    const ids = async () =>
      (await database.all<{ id: string }>("SELECT id FROM accounts ORDER BY id")).map(({ id }) => id);

    describe("statements", () => {
      test("return the written values, of every type", async () => {
        const bytes = new Uint8Array([0, 1, 255]);
        await database.transaction(async (transaction) => {
          await transaction.run(
            "INSERT INTO accounts (id, balance, email) VALUES (?, ?, ?)",
            "a",
            2n ** 53n + 1n,
            null,
          );
          await transaction.run("INSERT INTO entries (account_id, note) VALUES (?, ?)", "a", bytes);
        });
        const row = await database.get<{ balance: bigint; email: null; note: Uint8Array }>(
          "SELECT balance, email, note FROM accounts JOIN entries ON account_id = accounts.id WHERE accounts.id = ?",
          "a",
        );
        expect(row?.balance).toBe(2n ** 53n + 1n);
        expect(row?.email).toBeNull();
        expect([...(row?.note ?? [])]).toEqual([...bytes]);
      });

      test("return integers up to 2^53 as numbers and larger ones as bigint, also in one row", async () => {
        await insert("a", Number.MAX_SAFE_INTEGER);
        await database.transaction((transaction) =>
          transaction.run("INSERT INTO accounts (id, balance) VALUES (?, ?)", "b", 2n ** 60n),
        );
        const rows = await database.all<{ balance: number | bigint }>("SELECT balance FROM accounts ORDER BY id");
        expect(rows.map(({ balance }) => balance)).toEqual([Number.MAX_SAFE_INTEGER, 2n ** 60n]);
      });

      test("return the number of changed rows", async () => {
        await insert("a");
        await insert("b");
        const changed = await database.transaction((transaction) =>
          transaction.run("UPDATE accounts SET balance = balance + 1"),
        );
        expect(changed).toBe(2);
      });

      test("return rows with RETURNING, once", async () => {
        const returned = await database.transaction((transaction) =>
          transaction.get("INSERT INTO accounts (id, balance) VALUES (?, ?) RETURNING id, balance", "a", 5),
        );
        expect({ ...returned }).toEqual({ id: "a", balance: 5 });
        expect(await ids()).toEqual(["a"]);
      });

      test("fail as a whole if RETURNING would return an integer beyond 2^53", async () => {
        const work = database.transaction(async (transaction) => {
          await transaction.run("INSERT INTO accounts (id, balance) VALUES (?, ?)", "a", 1);
          return await transaction.all(
            "INSERT INTO accounts (id, balance) VALUES (?, ?) RETURNING balance",
            "b",
            2n ** 60n,
          );
        });
        await expect(work).rejects.toThrow("RETURNING cannot return integers beyond 2^53");
        expect(await ids()).toEqual([]);
      });

      test("return undefined or an empty list if there are no rows", async () => {
        expect(await database.get("SELECT id FROM accounts")).toBeUndefined();
        expect(await database.all("SELECT id FROM accounts")).toEqual([]);
      });

      test("treat a parameter as a value, whatever it contains", async () => {
        const nasty = "'; DROP TABLE accounts; --";
        await insert(nasty);
        expect(await ids()).toEqual([nasty]);
      });
    });

    describe("transactions", () => {
      test("are atomic", async () => {
        const failed = database.transaction(async (transaction) => {
          await transaction.run("INSERT INTO accounts (id, balance) VALUES ('a', 1)");
          throw new RangeError("no");
        });
        await expect(failed).rejects.toThrow(RangeError);
        expect(await ids()).toEqual([]);
      });

      test("pass on an error that a body throws before its first await", async () => {
        const failed = database.transaction(() => {
          throw new RangeError("at once");
        });
        await expect(failed).rejects.toThrow("at once");
      });

      test("fail alone, among concurrent ones", async () => {
        const outcomes = await Promise.allSettled([
          insert("a"),
          insert("a"),
          insert("b"),
          insert("c", -1),
          insert("d"),
        ]);
        const [a1, a2, ...others] = outcomes.map(({ status }) => status);
        // The order of the two depends on the store.
        expect([a1, a2].sort()).toEqual(["fulfilled", "rejected"]);
        expect(others).toEqual(["fulfilled", "rejected", "fulfilled"]);
        expect(await ids()).toEqual(["a", "b", "d"]);
      });

      test("that lock the rows they read lose no update of a row", async () => {
        await insert("a", 0);
        await Promise.all(
          Array.from({ length: 300 }, () =>
            database.transaction(async (transaction) => {
              const row = await transaction.get<{ balance: number }>(
                "SELECT balance FROM accounts WHERE id = 'a' FOR UPDATE",
              );
              await transaction.run("UPDATE accounts SET balance = ? WHERE id = 'a'", (row?.balance ?? 0) + 1);
            }),
          ),
        );
        expect(await database.get("SELECT balance FROM accounts")).toEqual({ balance: 300 });
      });

      test("see their own writes, which other readers see only once they are durable", async () => {
        let outside: Promise<string[]> | undefined;
        const inside = await database.transaction(async (transaction) => {
          await transaction.run("INSERT INTO accounts (id, balance) VALUES ('a', 1)");
          outside = ids();
          return transaction.all<{ id: string }>("SELECT id FROM accounts");
        });
        expect(inside.map(({ id }) => id)).toEqual(["a"]);
        // The read may have waited for the commit or not. It could not see the failed transaction below in either case.
        expect([[], ["a"]]).toContainEqual(await outside);

        const failed = database.transaction(async (transaction) => {
          await transaction.run("INSERT INTO accounts (id, balance) VALUES ('b', 1)");
          outside = ids();
          await transaction.get("SELECT 1");
          throw new Error("no");
        });
        await expect(failed).rejects.toThrow("no");
        expect(await outside).toEqual(["a"]);
      });

      test("run callbacks after the commit and before they resolve, and none after a failure", async () => {
        const events: string[] = [];
        const work = (id: string, fails: boolean) =>
          database.transaction(async (transaction) => {
            transaction.onCommit(() => events.push(`${id} committed`));
            await transaction.run("INSERT INTO accounts (id, balance) VALUES (?, 1)", id);
            if (fails) {
              throw new Error("no");
            }
          });
        const outcomes = [work("a", false), work("b", true), work("c", false)].map((outcome, index) =>
          outcome.then(
            () => events.push(`${index} answered`),
            () => {},
          ),
        );
        await Promise.all(outcomes);
        expect([...events].sort()).toEqual(["0 answered", "2 answered", "a committed", "c committed"]);
        expect(events.indexOf("a committed")).toBeLessThan(events.indexOf("0 answered"));
        expect(events.indexOf("c committed")).toBeLessThan(events.indexOf("2 answered"));
      });

      describeSharedWork(() => database);

      test("fail after a failed statement, even if the body continues", async () => {
        const outcome = database.transaction(async (transaction) => {
          await transaction.run("INSERT INTO accounts (id, balance) VALUES ('a', 1)");
          await transaction.run("INSERT INTO accounts (id, balance) VALUES ('a', 2)").catch(() => {});
          return "continued";
        });
        await expect(outcome).rejects.toThrow(ConstraintError);
        expect(await ids()).toEqual([]);
      });

      test("refuse a body that awaits something else, and continue with the next", async () => {
        const stuck = database.transaction(async (transaction) => {
          await transaction.run("INSERT INTO accounts (id, balance) VALUES ('stuck', 1)");
          await new Promise(() => {});
        });
        const next = insert("next");
        await expect(stuck).rejects.toThrow(TransactionStuckError);
        await next;
        expect(await ids()).toEqual(["next"]);
      });

      test("refuse a statement after their end", async () => {
        let late: Promise<unknown> = Promise.resolve();
        await database.transaction(async (transaction) => {
          late = new Promise((resolve) => setTimeout(resolve, 5)).then(() =>
            transaction.run("INSERT INTO accounts (id, balance) VALUES ('late', 1)"),
          );
          // The disk may take longer than this.
          late.catch(() => {});
        });
        await expect(late).rejects.toThrow(TransactionEndedError);
        expect(await ids()).toEqual([]);
      });

      test("may begin while others end, and none is lost", async () => {
        const all: Promise<unknown>[] = [];
        for (let index = 0; index < 500; index++) {
          all.push(insert(`n${index}`));
          if (index % 50 === 0) {
            await all[index / 2];
          }
        }
        await Promise.all(all);
        expect(await ids()).toHaveLength(500);
      });
    });

    describe("constraints", () => {
      test.each([
        ["unique", "INSERT INTO accounts (id, balance) VALUES ('a', 1)"],
        ["check", "UPDATE accounts SET balance = -1"],
        ["not-null", "UPDATE accounts SET balance = NULL"],
        ["foreign-key", "INSERT INTO entries (account_id) VALUES ('nobody')"],
      ])("%s: a violating statement is refused with the constraint's name", async (kind, sql) => {
        await insert("a");
        await expect(database.transaction((transaction) => transaction.run(sql))).rejects.toMatchObject({
          name: "ConstraintError",
          kind,
        });
      });

      test("an error names the column of a unique constraint", async () => {
        const withEmail = (id: string) =>
          database.transaction((transaction) =>
            transaction.run("INSERT INTO accounts (id, balance, email) VALUES (?, 1, 'a@example.com')", id),
          );
        await withEmail("a");
        await expect(withEmail("b")).rejects.toMatchObject({ columns: ["accounts.email"] });
      });

      test("an invalid statement is refused", async () => {
        await expect(database.all("SELEKT 1")).rejects.toThrow();
        await expect(database.get("SELECT nothing FROM nowhere")).rejects.toThrow();
        await expect(
          database.transaction((transaction) => transaction.run("UPDATE nowhere SET a = 1")),
        ).rejects.toThrow();
      });

      test("a read outside a transaction cannot write", async () => {
        await expect(database.all("INSERT INTO accounts (id, balance) VALUES ('a', 1)")).rejects.toThrow();
        expect(await ids()).toEqual([]);
      });
    });

    describe("closing", () => {
      test("lets running transactions end, and refuses later ones", async () => {
        const before = insert("a");
        const closed = database.close();
        const after = insert("b");
        await expect(after).rejects.toThrow(StoreUnavailableError);
        expect(await before).toBe(1);
        await closed;
        await expect(database.get("SELECT 1")).rejects.toThrow(StoreUnavailableError);
      });

      test("is idempotent", async () => {
        await database.close();
        await database.close();
      });

      test.runIf(persistent)("keeps committed data", async () => {
        await insert("a");
        await database.close();
        database = await open(schema);
        expect(await ids()).toEqual(["a"]);
      });
    });

    describe.runIf(persistent)("migrations", () => {
      const reopen = async (migrations: readonly Migration[]) => {
        await database.close();
        database = await open(migrations);
      };

      test("are applied once each, in order, each set separately", async () => {
        const more: readonly Migration[] = [
          { id: "other/1-things", sql: "CREATE TABLE things (id TEXT)" },
          { id: "0010-tenth", sql: "INSERT INTO accounts (id, balance) SELECT id || '!', 1 FROM accounts" },
          { id: "0002-second", sql: "INSERT INTO accounts (id, balance) VALUES ('second', 1)" },
        ];
        await reopen([...more, ...schema]);
        await reopen([...schema, ...more]);
        expect(await ids()).toEqual(["second", "second!"]);
      });

      test.each<[string, readonly Migration[], RegExp]>([
        ["changed", [{ id: "0001-accounts", sql: "CREATE TABLE accounts (id TEXT)" }], /0001-accounts was changed/],
        ["unknown", [], /0001-accounts, which this program does not know/],
        ["late", [...schema, { id: "0000-late", sql: "SELECT 1" }], /0000-late is new but sorts before 0001-accounts/],
        ["broken", [...schema, { id: "0002-broken", sql: "CREATE NONSENSE" }], /0002-broken failed/],
        ["doubled", [...schema, { id: "1-again", sql: "SELECT 1" }], /same number/],
        ["unnumbered", [...schema, { id: "accounts", sql: "SELECT 1" }], /not a migration id/],
      ])("that are %s are refused", async (_, migrations, message) => {
        await database.close();
        await expect(open(migrations)).rejects.toThrow(message);
        await expect(open(migrations)).rejects.toThrow(MigrationError);
        database = await open(schema);
      });

      describe("of a newer version", () => {
        const own: readonly Migration[] = [...schema, { id: "log/1-lines", sql: "CREATE TABLE lines (id TEXT)" }];
        const added = { id: "0002-added", sql: "ALTER TABLE accounts ADD COLUMN note TEXT" };
        const addedSet = { id: "things/1-things", sql: "CREATE TABLE things (id TEXT)" };
        const removed = { id: "0003-contract-note", sql: "ALTER TABLE accounts DROP COLUMN note" };

        test("that only add are accepted, so that an older replica starts beside a newer one", async () => {
          await reopen([...own, added, addedSet]);
          await reopen(own);
          await database.all("SELECT id, balance FROM accounts");
          await reopen([...own, added, addedSet]);
        });

        test.each<[string, readonly Migration[], readonly Migration[], RegExp]>([
          ["that remove something", [...own, added, removed], own, /0003-contract-note.*by a newer version/],
          [
            "of another program with a set in common",
            own,
            [own[1] as Migration, addedSet],
            /0001-accounts.*another program/,
          ],
          [
            "that sort before a known step",
            [...own, added, { id: "0004-mine", sql: "SELECT 1" }],
            [...own, { id: "0004-mine", sql: "SELECT 1" }],
            /0002-added.*another/,
          ],
        ])("%s are refused", async (_, theirs, ours, message) => {
          await reopen(theirs);
          await database.close();
          await expect(open(ours)).rejects.toThrow(message);
          database = await open(theirs);
        });
      });

      test("that fail are rolled back", async () => {
        await database.close();
        const broken = { id: "0002-broken", sql: "CREATE TABLE half (id TEXT); CREATE NONSENSE" };
        await expect(open([...schema, broken])).rejects.toThrow(MigrationError);
        database = await open([...schema, { id: "0002-mended", sql: "CREATE TABLE half (id TEXT)" }]);
        expect(await database.all("SELECT id FROM half")).toEqual([]);
      });
    });
  });
}
