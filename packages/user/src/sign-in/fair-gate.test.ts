import { expect, test } from "vitest";
import { createFairGate, FairGateFullError } from "./fair-gate.ts";

const key = "a";
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("runs at most the configured number at once, in the order of arrival", async () => {
  const gate = createFairGate({ atOnce: 2, waitingMax: 10 });
  let active = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      gate.pass(
        async () => {
          order.push(index);
          most = Math.max(most, ++active);
          await turn();
          active--;
        },
        { key },
      ),
    ),
  );
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("keys take turns, however many calls one of them has", async () => {
  const gate = createFairGate({ atOnce: 1, waitingMax: 20 });
  const order: string[] = [];
  const pass = (name: string) => gate.pass(async () => void order.push(name), { key: name });
  const all = [...Array.from({ length: 10 }, () => pass("greedy")), pass("b"), pass("c"), pass("b")];
  await Promise.all(all);
  expect(order.slice(0, 7)).toEqual(["greedy", "greedy", "b", "c", "greedy", "b", "greedy"]);
});

test("refuses a caller if the queue is full, and a failure frees a place", async () => {
  const gate = createFairGate({ atOnce: 1, waitingMax: 1 });
  const fails = gate.pass(
    async () => {
      throw new Error("failed");
    },
    { key },
  );
  const waits = gate.pass(async () => "done", { key });
  await expect(gate.pass(async () => "never", { key })).rejects.toThrow(FairGateFullError);
  await expect(fails).rejects.toThrow("failed");
  expect(await waits).toBe("done");
});

test("in a full queue the last caller of the largest key is refused in favour of another key", async () => {
  const gate = createFairGate({ atOnce: 1, waitingMax: 4 });
  const greedy = Array.from({ length: 5 }, () => gate.pass(turn, { key: "greedy" }));
  const modest = gate.pass(async () => "done", { key: "modest" });
  await expect(greedy.at(-1)).rejects.toThrow(FairGateFullError);
  expect(await modest).toBe("done");
  expect((await Promise.allSettled(greedy)).filter(({ status }) => status === "fulfilled")).toHaveLength(4);
});

test("an aborted caller leaves the queue", async () => {
  const gate = createFairGate({ atOnce: 1, waitingMax: 1 });
  let open = () => {};
  const first = gate.pass(() => new Promise<void>((resolve) => (open = resolve)), { key });
  const impatient = new AbortController();
  const second = gate.pass(async () => "never", { key, signal: impatient.signal });
  impatient.abort(new Error("gave up"));
  await expect(second).rejects.toThrow("gave up");
  const third = gate.pass(async () => "done", { key });
  open();
  await first;
  expect(await third).toBe("done");
});
