import { expect, it } from "vitest";
import { inLaterTurn, inTurn } from "./event-loop-turn.ts";

/** Occupies the thread for a millisecond. */
function occupy(): void {
  const endMs = performance.now() + 1;
  while (performance.now() < endMs);
}

/** Counts the turns of the event loop until the work has ended. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isCounting = true;
  const countTurn = () => {
    turns++;
    if (isCounting) setImmediate(countTurn);
  };
  setImmediate(countTurn);
  await work();
  isCounting = false;
  return turns;
}

/** Schedules 60 works of a millisecond each. Returns their order, how many ran at once, and the turns that they took. */
async function runAll(schedule: (work: () => void) => void) {
  const order: number[] = [];
  let atOnce = 0;
  const turns = await turnsOf(
    () =>
      new Promise<void>((resolve) => {
        for (const number of numbers) {
          schedule(() => {
            occupy();
            order.push(number);
            if (order.length === numbers.length) resolve();
          });
        }
        atOnce = order.length;
      }),
  );
  return { order, atOnce, turns };
}

const numbers = Array.from({ length: 60 }, (_, number) => number);

it("runs all work in order, each once, and lets timers and immediates run between", async () => {
  const { order, atOnce, turns } = await runAll(inLaterTurn);
  expect(atOnce).toBe(0);
  expect(order).toEqual(numbers);
  // 60 ms of work in slices of 5.
  expect(turns).toBeGreaterThan(5);
});

it("counts the time of microtasks that the work has queued", async () => {
  const later = () => new Promise<void>((resolve) => inLaterTurn(() => resolve(Promise.resolve().then(occupy))));
  expect(await turnsOf(() => Promise.all(Array.from({ length: 40 }, later)))).toBeGreaterThan(3);
});

it("runs work at once until the turn is over, and the rest in order in later turns", async () => {
  const { order, atOnce, turns } = await runAll((work) => inTurn(work, "one owner"));
  expect(atOnce).toBeGreaterThan(0);
  expect(atOnce).toBeLessThan(20);
  expect(order).toEqual(numbers);
  expect(turns).toBeGreaterThan(3);
});

it("serves the owners in rotation", async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    for (let number = 0; number < 1_000; number++) inLaterTurn(() => order.push("many"), "many");
    inLaterTurn(() => order.push("other"), "other");
    inLaterTurn(() => order.push("other"), "other");
    inLaterTurn(() => setImmediate(resolve));
  });
  await expect.poll(() => order.length).toBe(1_002);
  expect(order.slice(0, 4)).toEqual(["many", "other", "many", "other"]);
});
