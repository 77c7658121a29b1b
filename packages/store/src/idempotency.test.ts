import { create } from "@bufbuild/protobuf";
import { UpdateUserRequestSchema, UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { beforeEach, expect, test } from "vitest";
import type { Database } from "./database.ts";
import {
  answerOnce,
  answerOrRefuseOnce,
  idempotencyMigrations,
  pruneRequestIds,
  RequestIdReusedError,
  requestIdRetentionMs,
  startPruningRequestIds,
} from "./idempotency.ts";
import { openDatabase } from "./open-database.ts";

const requestId = "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a111";
let database: Database;
let done: number;

beforeEach(async () => {
  database = await openDatabase("sqlite::memory:", { migrations: idempotencyMigrations });
  done = 0;
});

interface Ask {
  readonly name?: string;
  readonly id?: string;
  readonly caller?: string;
  readonly nowMs?: number;
}

/** A call whose response contains the number of times that its work ran. */
function ask({ name = "A", id = requestId, caller = "user 1", nowMs = 0 }: Ask = {}, fails = false) {
  const request = create(UpdateUserRequestSchema, { user: { id: "1", name }, requestId: id });
  return database.transaction(async (transaction) => {
    const answer = await answerOnce(
      transaction,
      { method: UserService.method.updateUser, request, caller, nowMs },
      async () => {
        done++;
        return { user: { id: "1", name: `${name} ${done}` } };
      },
    );
    if (fails) {
      throw new Error("failed after all");
    }
    return answer.user?.name;
  });
}

test("the same request id and body return the same response, and the work runs once", async () => {
  expect(await Promise.all([ask(), ask(), ask()])).toEqual(["A 1", "A 1", "A 1"]);
  expect(await ask({ id: requestId.toUpperCase() })).toBe("A 1");
});

test("the same request id with another body is refused", async () => {
  await ask();
  await expect(ask({ name: "B" })).rejects.toThrow(RequestIdReusedError);
  expect(done).toBe(1);
});

test("the request ids of two callers are independent", async () => {
  expect(await ask()).toBe("A 1");
  expect(await ask({ name: "B", caller: "user 2" })).toBe("B 2");
});

test("without a request id, each call is new and nothing is stored", async () => {
  expect([await ask({ id: "" }), await ask({ id: "" })]).toEqual(["A 1", "A 2"]);
  expect(await database.all("SELECT * FROM request_ids")).toEqual([]);
});

test("a call whose transaction failed can be retried", async () => {
  await expect(ask({}, true)).rejects.toThrow("failed after all");
  expect(await ask()).toBe("A 2");
});

class Refusal extends Error {}

/** A call that is refused while `mood` says so, with a stored or a retryable error. */
function askFor(mood: { text: string }, id = requestId) {
  const request = create(UpdateUserRequestSchema, { user: { id: "1" }, requestId: id });
  return answerOrRefuseOnce(
    database,
    { method: UserService.method.updateUser, request, caller: "user 1", nowMs: 0 },
    {
      async work() {
        if (mood.text === "refuse") throw new Refusal("no");
        if (mood.text === "fail") throw new Error("oops");
        return { user: { id: "1", name: mood.text } };
      },
      refusals: {
        write: (error) => (error instanceof Refusal ? error.message : undefined),
        read: (text) => new Refusal(text),
      },
    },
  );
}

test("a stored refusal is repeated, and so is a stored response", async () => {
  const mood = { text: "refuse" };
  await expect(askFor(mood)).rejects.toThrow(new Refusal("no"));
  mood.text = "A";
  await expect(askFor(mood)).rejects.toThrow(new Refusal("no"));
  const other = requestId.replace("0d", "0e");
  expect(await askFor(mood, other)).toMatchObject({ user: { name: "A" } });
  mood.text = "refuse";
  expect(await askFor(mood, other.toUpperCase())).toMatchObject({ user: { name: "A" } });
});

test("other failures and calls without a request id are not stored", async () => {
  const mood = { text: "fail" };
  await expect(askFor(mood)).rejects.toThrow("oops");
  mood.text = "refuse";
  await expect(askFor(mood, "")).rejects.toThrow(Refusal);
  expect(await database.all("SELECT * FROM request_ids")).toEqual([]);
  mood.text = "A";
  expect(await askFor(mood)).toMatchObject({ user: { name: "A" } });
});

test("responses are kept for a day, and older ones are pruned, however many", async () => {
  const id = (i: number) => `0d9d1f5e-6d0f-4a8e-9a55-${String(i).padStart(12, "0")}`;
  await Promise.all(Array.from({ length: 1_100 }, (_, i) => ask({ id: id(i), nowMs: i })));
  expect(await pruneRequestIds(database, 1_050)).toBe(1_050);
  expect(await database.all("SELECT create_time FROM request_ids ORDER BY create_time LIMIT 1")).toEqual([
    { create_time: 1_050 },
  ]);
});

test("pruning continues after a failed round, and ends when stopped", async () => {
  const timers: (() => void)[] = [];
  let cancelled = 0;
  const after = (_delayMs: number, callback: () => void) => {
    timers.push(callback);
    return () => cancelled++;
  };
  const errors: unknown[] = [];
  let rounds = 0;
  const also = async () => {
    if (++rounds === 1) throw new Error("disk");
  };
  await ask({ nowMs: 0 });
  await ask({ id: requestId.replace("0d", "0e"), nowMs: 1_000 });
  const clock = { now: () => requestIdRetentionMs + 500, after };
  const stop = startPruningRequestIds({ database, clock, onError: (error) => errors.push(error), also });
  timers[0]?.();
  await expect.poll(() => timers.length).toBe(2);
  timers[1]?.();
  await expect.poll(() => timers.length).toBe(3);
  await stop();
  expect(errors).toMatchObject([{ message: "disk" }]);
  expect([rounds, cancelled]).toEqual([2, 1]);
  expect(await database.all("SELECT create_time FROM request_ids")).toEqual([{ create_time: 1_000 }]);
});
