import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sleep } from "../environment/clock.ts";
import { createTestClock } from "./test-clock.ts";

describe("createTestClock", () => {
  it("does not advance by itself", async () => {
    const clock = createTestClock(1000);
    await clock.settle();
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
  });

  it("runs due callbacks in the order of their times, then of their scheduling", async () => {
    const clock = createTestClock();
    const order: string[] = [];
    clock.after(20, () => order.push(`c@${clock.monotonic()}`));
    clock.after(10, () => order.push(`a@${clock.monotonic()}`));
    clock.after(10, () => order.push(`b@${clock.monotonic()}`));
    clock.after(31, () => order.push("late"));
    await clock.advance(30);
    expect(order).toEqual(["a@10", "b@10", "c@20"]);
    expect(clock.pendingCount).toBe(1);
  });

  it("lets promises settle at each step, so that a chain of waits completes within one advance", async () => {
    const clock = createTestClock();
    const times: number[] = [];
    const chain = (async () => {
      for (let step = 0; step < 5; step++) {
        await sleep(clock, 10);
        times.push(clock.monotonic());
      }
    })();
    await clock.advance(50);
    await chain;
    expect(times).toEqual([10, 20, 30, 40, 50]);
  });

  it("drops cancelled callbacks", async () => {
    const clock = createTestClock();
    let ran = false;
    const cancel = clock.after(10, () => {
      ran = true;
    });
    cancel();
    expect(clock.pendingCount).toBe(0);
    cancel();
    expect(clock.pendingCount).toBe(0);
    await clock.advance(20);
    expect(ran).toBe(false);
  });

  it("advances to the next pending callback, or returns false if there is none", async () => {
    const clock = createTestClock();
    clock.after(40, () => {});
    expect(await clock.advanceToNext()).toBe(true);
    expect(clock.monotonic()).toBe(40);
    expect(await clock.advanceToNext()).toBe(false);
  });

  it("runs all callbacks that are not cancelled, in the order of a sorted list", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 40 }), async (asked) => {
        const clock = createTestClock();
        const ran: number[] = [];
        asked.forEach(([delayMs, cancels], index) => {
          const cancel = clock.after(delayMs, () => ran.push(index));
          if (cancels) {
            cancel();
          }
        });
        await clock.advance(20);
        const kept = asked
          .map(([delayMs, cancels], index) => ({ delayMs, cancels, index }))
          .filter(({ cancels }) => !cancels);
        expect(ran).toEqual(
          kept.toSorted((a, b) => a.delayMs - b.delayMs || a.index - b.index).map(({ index }) => index),
        );
        expect(clock.pendingCount).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("runs thousands of pending callbacks in order", async () => {
    const clock = createTestClock();
    const seen: number[] = [];
    const delays = Array.from({ length: 2000 }, (_, index) => (index * 7919) % 2000);
    for (const delay of delays) {
      clock.after(delay, () => seen.push(delay));
    }
    await clock.advance(2000);
    expect(seen).toEqual(delays.toSorted((a, b) => a - b));
  });
});
