import { expect, test } from "vitest";
import type { Database, Transaction } from "./database.ts";
import { DatabaseClock } from "./database-clock.ts";

const hourMs = 60 * 60_000;

/** A process whose wall clock is an hour ahead of its database's, and a database whose response time the test sets. */
function world({ isShared = true } = {}) {
  const time = { monotonicMs: 0, wallMs: 5_000 + hourMs, databaseMs: 5_000, answerMs: 0 };
  const database: Pick<Database, "isShared" | "transaction"> = {
    isShared,
    transaction: (work) =>
      work({
        async now() {
          pass(time.answerMs / 2);
          const nowMs = time.databaseMs;
          pass(time.answerMs / 2);
          return nowMs;
        },
      } as Transaction),
  };
  function pass(ms: number) {
    time.monotonicMs += ms;
    time.wallMs += ms;
    time.databaseMs += ms;
  }
  const clock = new DatabaseClock({
    database: database as Database,
    clock: { now: () => time.wallMs, monotonic: () => time.monotonicMs },
  });
  return { time, pass, clock };
}

test("follows the database's time, even if the wall clock is wrong or set", async () => {
  const { time, pass, clock } = world();
  expect(clock.now()).toBe(5_000 + hourMs);
  await clock.sync();
  expect(clock.now()).toBe(5_000);
  pass(1_000);
  time.wallMs -= 2 * hourMs;
  expect(clock.now()).toBe(6_000);
  time.answerMs = 100;
  await clock.sync();
  expect(clock.now()).toBe(6_100);
});

test("keeps its offset if a response took too long, and accepts any at first", async () => {
  const { time, clock } = world();
  time.answerMs = 2_000;
  await clock.sync();
  expect(clock.now()).toBe(7_000);
  time.databaseMs += 10_000;
  await clock.sync();
  expect(clock.now()).toBe(9_000);
  time.answerMs = 10;
  await clock.sync();
  expect(clock.now()).toBe(time.databaseMs);
});

test("is the wall clock if only one process uses the database", async () => {
  const { time, clock } = world({ isShared: false });
  await clock.sync();
  expect(clock.now()).toBe(time.wallMs);
});
