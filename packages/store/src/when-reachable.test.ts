import { expect, test } from "vitest";
import type { Database } from "./database.ts";
import { whenReachable } from "./open-database.ts";
import { ConstraintError, StoreUnavailableError } from "./store-errors.ts";

const shared = { isShared: true } as Database;
const waits: number[] = [];
const clock = {
  after(delayMs: number, callback: () => void) {
    waits.push(delayMs);
    setImmediate(callback);
    return () => {};
  },
};

/** Fails with each of these errors, then succeeds. */
function failing(...errors: readonly Error[]): () => Promise<string> {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    if (error !== undefined) throw error;
    return "done";
  };
}

test("a service's first work is retried until a failover is over", async () => {
  const messages: string[] = [];
  const log = { warn: (_: object, message: string) => void messages.push(message) };
  const unreachable = new StoreUnavailableError("unreachable", "The PostgreSQL server cannot be reached.");
  const standby = new StoreUnavailableError("read-only", "The PostgreSQL server is a read-only standby.");
  await expect(whenReachable(shared, failing(unreachable, unreachable, standby), { clock, log })).resolves.toBe("done");
  expect(messages).toHaveLength(3);
  expect(waits).toEqual([500, 500, 500]);
});

test.each([
  "unreachable",
  "read-only",
  "timed-out",
  "overloaded",
  "unknown-outcome",
  "contended",
  "queue-full",
] as const)("the problem %s of a shared server passes, so the service waits", async (problem) => {
  const error = new StoreUnavailableError(problem, "It passes.");
  await expect(whenReachable(shared, failing(error, error), { clock })).resolves.toBe("done");
});

test("an error that is not transient fails at once", async () => {
  const closed = new StoreUnavailableError("closed", "The database is closed.");
  const constraint = new ConstraintError("unique", "duplicate", { columns: [] });
  for (const error of [closed, constraint, new TypeError("a bug")]) {
    await expect(whenReachable(shared, failing(error), { clock })).rejects.toBe(error);
  }
});

test("a database of one process fails at once", async () => {
  const error = new StoreUnavailableError("read-only", "The file is read-only.");
  await expect(whenReachable({} as Database, failing(error), { clock })).rejects.toBe(error);
});
