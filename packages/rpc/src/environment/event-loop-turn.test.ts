import { expect, it } from "vitest";
import { inLaterTurn } from "./event-loop-turn.ts";

/** Occupies the thread for so long, in milliseconds. */
function occupy(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it("runs all work in order, each once, and lets timers and immediates run between", async () => {
  const count = 60;
  const order: number[] = [];
  let turns = 0;
  let isCounting = true;
  const countTurn = () => {
    turns++;
    if (isCounting) setImmediate(countTurn);
  };
  setImmediate(countTurn);
  await new Promise<void>((resolve) => {
    for (let number = 0; number < count; number++) {
      inLaterTurn(() => {
        occupy(1);
        order.push(number);
        if (order.length === count) resolve();
      });
    }
    expect(order).toEqual([]);
  });
  isCounting = false;
  expect(order).toEqual(Array.from({ length: count }, (_, number) => number));
  // 60 ms of work in slices of 5.
  expect(turns).toBeGreaterThan(5);
});

it("counts the time of microtasks that the work has queued", async () => {
  let turns = 0;
  let isCounting = true;
  const countTurn = () => {
    turns++;
    if (isCounting) setImmediate(countTurn);
  };
  setImmediate(countTurn);
  const works = Array.from(
    { length: 40 },
    () => new Promise<void>((resolve) => inLaterTurn(() => resolve(Promise.resolve().then(() => occupy(1))))),
  );
  await Promise.all(works);
  isCounting = false;
  expect(turns).toBeGreaterThan(3);
});
