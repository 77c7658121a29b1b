import { expect, test } from "vitest";
import { TimeShares } from "./time-shares.ts";

/** Takes keys that always wait and use their time for this time, and returns how often each was taken. */
function takenIn(totalMs: number, uses: Readonly<Record<string, number>>): Record<string, number> {
  const shares = new TimeShares<string>();
  const taken: Record<string, number> = {};
  for (const key of Object.keys(uses)) shares.add(key);
  for (let ms = 0; ms < totalMs; ) {
    const key = shares.take() as string;
    const usedMs = uses[key] as number;
    taken[key] = (taken[key] ?? 0) + 1;
    ms += usedMs;
    shares.charge(key, usedMs);
    shares.add(key);
  }
  return taken;
}

test("keys that use little time are taken in rotation", () => {
  expect(takenIn(375, { a: 0.125, b: 0.125, c: 0.125 })).toEqual({ a: 1000, b: 1000, c: 1000 });
});

test("a key that uses forty milliseconds at once is taken less often than one that uses half of one", () => {
  const { long, short } = takenIn(10_000, { long: 40, short: 0.5 }) as { long: number; short: number };
  expect((long * 40) / (short * 0.5)).toBeGreaterThan(0.9);
  expect((long * 40) / (short * 0.5)).toBeLessThan(1.1);
});

test("a key that waits alone is taken at once, whatever it used", () => {
  const shares = new TimeShares<string>();
  shares.charge("alone", 90);
  shares.add("alone");
  expect([shares.take(), shares.take(), shares.isEmpty]).toEqual(["alone", undefined, true]);
});

test("a key that used much is not taken ahead of one that waits, even if it left and came back", () => {
  const shares = new TimeShares<string>();
  shares.charge("long", 10);
  shares.add("long");
  shares.add("short");
  expect([shares.take(), shares.take()]).toEqual(["short", "long"]);
});

test("a key is not passed over for ever, whatever it used", () => {
  const shares = new TimeShares<string>();
  shares.charge("long", 60_000);
  shares.add("long");
  let passes = 0;
  for (shares.add("short"); shares.take() === "short"; shares.add("short")) passes++;
  expect(passes).toBeLessThanOrEqual(200);
});
