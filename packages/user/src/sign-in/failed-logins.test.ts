import { createTestClock } from "@parley/rpc/testing";
import { expect, test } from "vitest";
import { createFailedLogins } from "./failed-logins.ts";

const limits = { freeFailures: 2, firstWaitMs: 1_000, longestWaitMs: 5_000, forgetAfterMs: 60_000, keysMax: 3 };

test("waits double up to the maximum, and decrease with time", async () => {
  const clock = createTestClock();
  const failures = createFailedLogins({ ...limits, clock });
  const waits = Array.from({ length: 7 }, () => {
    failures.failed("a");
    return failures.waitMs("a");
  });
  expect(waits).toEqual([0, 0, 1_000, 2_000, 4_000, 5_000, 5_000]);
  await clock.advance(4_000);
  expect(failures.waitMs("a")).toBe(1_000);
  expect(failures.waitMs("b")).toBe(0);
});

test("failures are dropped after a while, and on request", async () => {
  const clock = createTestClock();
  const failures = createFailedLogins({ ...limits, clock });
  const failOften = (key: string) => Array.from({ length: 4 }, () => failures.failed(key));
  failOften("a");
  failures.forget("a");
  expect(failures.waitMs("a")).toBe(0);
  failOften("a");
  await clock.advance(60_000);
  failures.failed("a");
  expect(failures.waitMs("a")).toBe(0);
});

test("evicts the least recently used key at the maximum", () => {
  const failures = createFailedLogins({ ...limits, clock: createTestClock() });
  for (const key of ["a", "a", "a", "b", "b", "b", "a", "c", "d"]) {
    failures.failed(key);
  }
  expect(failures.waitMs("b")).toBe(0);
  expect(failures.waitMs("a")).toBe(2_000);
});

test("a success removes one failure and keeps the others", () => {
  const failures = createFailedLogins({ ...limits, clock: createTestClock() });
  for (const key of ["a", "a", "a", "a"]) {
    failures.failed(key);
  }
  failures.succeeded("a");
  expect(failures.waitMs("a")).toBe(1_000);
});
