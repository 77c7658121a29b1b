import { createTestClock } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { openTestDatabase, testPostgresUrl } from "@parley/store/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventMigrations } from "../log/event-migrations.ts";
import { partitionCount } from "../log/partition.ts";
import { createLeases, leaseMsMax } from "./leases.ts";

const clock = createTestClock();
const hourMs = 60 * 60_000;
const everything = Array.from({ length: partitionCount }, (_, number) => number);

let database: Database;
beforeEach(async () => {
  database = await openTestDatabase({ migrations: eventMigrations, clock });
});
afterEach(() => database.close());

const leasesOf = (owner: string, setBackMs = 0) =>
  createLeases({ database, owner, leaseMs: 5_000, clock: { ...clock, now: () => clock.now() - setBackMs } });

test("no other replica gets a lease before it expires", async () => {
  expect(await leasesOf("one").renew()).toEqual(everything);
  expect(await leasesOf("other").renew()).toEqual([]);
  await clock.advance(5_000);
  expect(await leasesOf("other").renew()).toEqual(everything);
});

// Replicas use the database's clock, so their own clocks do not matter.
test.skipIf(testPostgresUrl !== undefined)(
  "leases written before the clock was set back by an hour have expired",
  async () => {
    await leasesOf("gone").renew();
    expect(await leasesOf("next", hourMs).renew()).toEqual(everything);
    // Also for their own writer, which continues with the new time.
    expect(await leasesOf("next", 2 * hourMs).renew()).toEqual(everything);
  },
);

test("a lease is shorter than the threshold for a wrong clock", () => {
  expect(() => createLeases({ database, clock, owner: "one", leaseMs: leaseMsMax + 1 })).toThrow(RangeError);
});
