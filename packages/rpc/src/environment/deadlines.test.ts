import { describe, expect, it } from "vitest";
import { createTestClock } from "../testing/test-clock.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";

function call(endMs: number, onExpire: () => void = () => {}) {
  const entry = {
    endMs,
    settled: false,
    expiredAtMs: Number.NaN,
    previous: undefined as Expiring | undefined,
    next: undefined as Expiring | undefined,
    listed: false,
    expire() {
      entry.settled = true;
      onExpire();
    },
  };
  return entry;
}

describe("calls with deadlines", () => {
  it("are cut off each at its own, with one timer at a time", async () => {
    const clock = createTestClock();
    const deadlines = new Deadlines(clock);
    const ended: string[] = [];
    for (const [name, atMs] of [
      ["c", 300],
      ["a", 100],
      ["b", 200.5],
      ["never", Number.POSITIVE_INFINITY],
    ] as const) {
      deadlines.add(call(atMs, () => ended.push(`${name}@${clock.monotonic()}`)));
      expect(clock.pendingCount).toBe(1);
    }
    await clock.advance(1000);
    expect(ended).toEqual(["a@100", "b@201", "c@300"]);
    expect([deadlines.size, clock.pendingCount]).toEqual([4, 0]);
  });

  it("that ended before are left alone, and may add and delete others while they are cut off", async () => {
    const clock = createTestClock();
    const deadlines = new Deadlines<Expiring>(clock);
    const ended: string[] = [];
    const gone = call(50, () => ended.push("gone"));
    const settled = call(50, () => ended.push("settled"));
    const late = call(70, () => ended.push("late"));
    const first = call(50, () => {
      ended.push("first");
      deadlines.delete(first);
      deadlines.add(late);
    });
    for (const entry of [gone, settled, first]) {
      deadlines.add(entry);
    }
    deadlines.delete(gone);
    settled.settled = true;
    await clock.advance(60);
    expect(ended).toEqual(["first"]);
    await clock.advance(20);
    expect(ended).toEqual(["first", "late"]);
  });
});
