import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { ReadTurns, type WaitingKind } from "../index.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Defers this number of works, and records their names in the order in which they run. */
function deferring(turns: ReadTurns) {
  const order: string[] = [];
  const ended = Promise.withResolvers<void>();
  let left = 0;
  return {
    order,
    ended: ended.promise,
    defer(count: number, { group, kind }: { readonly group: string; readonly kind: WaitingKind }) {
      left += count;
      for (let index = 0; index < count; index++) {
        const work = () => {
          order.push(`${group} ${kind}`);
          if (--left === 0) ended.resolve();
        };
        turns.defer(work, { group, kind });
      }
    },
  };
}

test("the groups are served in rotation, and the kinds of work within a group", async () => {
  const { order, ended, defer } = deferring(new ReadTurns(20));
  defer(300, { group: "many", kind: "first" });
  defer(300, { group: "many", kind: "backlog" });
  defer(1, { group: "many", kind: "idle" });
  defer(1, { group: "other", kind: "backlog" });
  await ended;
  expect(order.length).toBe(602);
  expect(order.indexOf("other backlog")).toBeLessThan(2);
  expect(order.indexOf("many idle")).toBeLessThan(4);
});

test("an idle connection of a group is served at once, however often it comes back beside endless work of others", async () => {
  const turns = new ReadTurns(20);
  let [worked, isOver] = [0, false];
  const endless = () => {
    worked++;
    if (!isOver) turns.defer(endless, { group: "one", kind: "backlog" });
  };
  for (let index = 0; index < 200; index++) endless();
  for (let call = 0; call < 50; call++) {
    await nextTurn();
    const before = worked;
    await new Promise<void>((resolve) => turns.defer(resolve, { group: "one", kind: "idle" }));
    // Those that ran in the same run, ahead of it or behind it.
    expect(worked - before).toBeLessThanOrEqual(64);
  }
  isOver = true;
});

test("while connections are accepted in each turn, short reads go on", async () => {
  const turns = new ReadTurns(20);
  const { order, defer } = deferring(turns);
  for (let turn = 0; turn < 10; turn++) {
    turns.accepted();
    await nextTurn();
  }
  expect(turns.isBusy).toBe(true);
  defer(100, { group: "one", kind: "backlog" });
  // On a busy machine, a read that was interrupted for long is followed by as long a time without.
  while (order.length < 5) {
    turns.accepted();
    await nextTurn();
  }
  while (turns.isBusy) await nextTurn();
  expect(order.length).toBe(100);
});

test("while connections are accepted in each turn, a read is followed by as much time without", async () => {
  const turns = new ReadTurns(20);
  const readMs = 4;
  const reads: { readonly startMs: number; readonly endMs: number }[] = [];
  for (let count = 0; count < 100; count++) {
    const read = () => {
      const startMs = performance.now();
      while (performance.now() - startMs < readMs);
      reads.push({ startMs, endMs: performance.now() });
    };
    turns.defer(read, { group: "one", kind: "backlog" });
  }
  while (reads.length < 30) {
    turns.accepted();
    await nextTurn();
  }
  // The first turns did not know yet that connections arrive. Turns that were interrupted for long read more.
  const shares: number[] = [];
  for (const [index, { startMs }] of reads.entries()) {
    const before = reads[index - 1];
    if (before !== undefined) shares.push((startMs - before.endMs) / (before.endMs - before.startMs));
  }
  shares.sort((a, b) => a - b);
  expect(shares[Math.floor(shares.length / 2)]).toBeGreaterThanOrEqual(0.9);
});

test("a few connections at once do not defer reads", async () => {
  const turns = new ReadTurns(20);
  for (let turn = 0; turn < 3; turn++) {
    turns.accepted();
    await nextTurn();
  }
  expect(turns.isBusy).toBe(false);
});

test("turns are short while connections are accepted, and long again afterwards", async () => {
  const turns = new ReadTurns(80);
  expect(turns.sliceMs).toBe(80);
  turns.accepted();
  expect(turns.sliceMs).toBe(2);
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(turns.sliceMs).toBe(80);
});

test("a run of deferred work ends by the time of what follows from it", async () => {
  const turns = new ReadTurns(20);
  const begunInTurn: number[] = [];
  let begun = 0;
  let isCounting = true;
  const countTurn = () => {
    begunInTurn.push(begun);
    begun = 0;
    if (isCounting) setImmediate(countTurn);
  };
  setImmediate(countTurn);
  const occupy = () => {
    const endMs = performance.now() + 1;
    while (performance.now() < endMs);
  };
  // As HTTP/1.1 requests, each work takes its time in a later tick.
  const run = (count: number) =>
    new Promise<void>((resolve) => {
      let left = count;
      for (let index = 0; index < count; index++) {
        const work = () => {
          begun++;
          process.nextTick(() => {
            occupy();
            left--;
            if (left === 0) resolve();
          });
        };
        turns.defer(work, { group: index % 2, kind: "backlog" });
      }
    });
  await run(300);
  isCounting = false;
  // 5 of 1 ms fit; without counting what follows, one turn would begin 64.
  expect(Math.max(...begunInTurn, begun)).toBeLessThanOrEqual(6);
}, 20_000);

test("while a few connections are accepted in turns that other work makes long, all waiting reads of a turn are served", async () => {
  const turns = new ReadTurns(20);
  const { order, defer } = deferring(turns);
  let isOver = false;
  // In each turn a connection is accepted, and something else takes as long as a turn.
  const turn = () => {
    turns.accepted();
    const endMs = performance.now() + 25;
    while (performance.now() < endMs);
    if (!isOver) setImmediate(turn);
  };
  turn();
  for (let count = 0; count < 10; count++) await nextTurn();
  defer(30, { group: "one", kind: "idle" });
  for (let count = 0; count < 4; count++) await nextTurn();
  isOver = true;
  expect(order.length).toBe(30);
});

test("groups that left are forgotten, also under endless load", async () => {
  const turns = new ReadTurns(20);
  let isOver = false;
  const endless = () => {
    if (!isOver) turns.defer(endless, { group: "endless", kind: "backlog" });
  };
  for (let count = 0; count < 4; count++) endless();
  const groups: WeakRef<object>[] = [];
  for (let count = 0; count < 5_000; count++) {
    const group = {};
    groups.push(new WeakRef(group));
    await new Promise<void>((resolve) => turns.defer(resolve, { group, kind: "first" }));
  }
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  await nextTurn();
  expect(turns.isWaiting).toBe(true);
  expect(groups.filter((each) => each.deref() !== undefined).length).toBeLessThan(1_100);
  isOver = true;
}, 20_000);
