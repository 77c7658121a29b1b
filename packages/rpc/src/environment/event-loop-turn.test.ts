import { expect, it } from "vitest";
import { inLaterTurn } from "./event-loop-turn.ts";

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

it("runs all work in order, each once, and lets timers and immediates run between", async () => {
  const count = 60;
  const order: number[] = [];
  const turns = await turnsOf(
    () =>
      new Promise<void>((resolve) => {
        for (let number = 0; number < count; number++) {
          inLaterTurn(() => {
            occupy();
            order.push(number);
            if (order.length === count) resolve();
          });
        }
        expect(order).toEqual([]);
      }),
  );
  expect(order).toEqual(Array.from({ length: count }, (_, number) => number));
  // 60 ms of work in slices of 5.
  expect(turns).toBeGreaterThan(5);
});

it("counts the time of microtasks that the work has queued", async () => {
  const later = () => new Promise<void>((resolve) => inLaterTurn(() => resolve(Promise.resolve().then(occupy))));
  expect(await turnsOf(() => Promise.all(Array.from({ length: 40 }, later)))).toBeGreaterThan(3);
});
