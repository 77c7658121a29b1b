import { createTestClock } from "@parley/rpc/testing";
import { type Database, insertRows } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { eventMigrations } from "../log/event-migrations.ts";
import { createDoneMarks } from "./done-marks.ts";

const clock = createTestClock();
let database: Database;

beforeEach(async () => {
  database = await openTestDatabase({ migrations: eventMigrations });
  await database.transaction(async (transaction) => {
    const rows = Array.from({ length: 500 }, (_, index) => [index + 1, 0, "k"]);
    const into = "INSERT INTO event_waiting (sequence, partition_number, partition_key)";
    await insertRows(transaction, { into, rows });
  });
});

afterEach(() => database.close());

async function done(): Promise<number> {
  const row = await database.get<{ count: number }>("SELECT COUNT(*) AS count FROM event_waiting");
  return 500 - (row?.count ?? 0);
}

test("marks within the interval are written in one transaction", async () => {
  const transaction = vi.spyOn(database, "transaction");
  const marks = createDoneMarks({ database, clock });
  const first = marks.mark([1, 2]);
  const second = marks.mark([3]);
  await clock.advance(20);
  expect(await done()).toBe(0);
  await clock.advance(100);
  await Promise.all([first, second]);
  expect(await done()).toBe(3);
  expect(transaction).toHaveBeenCalledTimes(1);
});

test("many marks, and marks during shutdown, do not wait for the clock", async () => {
  const marks = createDoneMarks({ database, clock });
  await marks.mark(Array.from({ length: 400 }, (_, index) => index + 1));
  expect(await done()).toBe(400);
  const waiting = marks.mark([401]);
  marks.flush();
  await waiting;
  await marks.mark([402]);
  expect(await done()).toBe(402);
});

test("a database failure rejects all waiting marks, and the next marks are written", async () => {
  const marks = createDoneMarks({ database, clock });
  vi.spyOn(database, "transaction").mockRejectedValueOnce(new Error("disk full"));
  const [first, second] = [marks.mark([1]), marks.mark([2])];
  const failures = [expect(first).rejects.toThrow("disk full"), expect(second).rejects.toThrow("disk full")];
  await clock.advance(100);
  await Promise.all(failures);
  const third = marks.mark([3]);
  await clock.advance(100);
  await third;
  expect(await done()).toBe(1);
});

test("no marks cause no write", async () => {
  const transaction = vi.spyOn(database, "transaction");
  await createDoneMarks({ database, clock }).mark([]);
  expect(transaction).not.toHaveBeenCalled();
});
