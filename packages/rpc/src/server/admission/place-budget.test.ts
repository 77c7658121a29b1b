import { describe, expect, test } from "vitest";
import { PlaceBudget, type PlaceHolder } from "./place-budget.ts";

const holder = (): PlaceHolder => ({ taken: 0 });

/** Takes places until the budget refuses. Returns their number. */
function fill(budget: PlaceBudget, holders: { connection?: PlaceHolder; caller?: PlaceHolder }): number {
  const all = { connection: holders.connection, caller: holders.caller };
  let taken = 0;
  while (budget.refusal(all) === undefined) {
    budget.take(all);
    taken++;
  }
  return taken;
}

describe("the places of a budget", () => {
  test("are all available to one connection without shares, and can be taken again after their release", () => {
    const budget = new PlaceBudget({ placesMax: 10, sharePercent: 100 });
    const connection = holder();
    expect(fill(budget, { connection })).toBe(10);
    expect(budget.refusal({ connection: undefined, caller: undefined })).toBe("full");
    budget.giveBack({ connection, caller: undefined });
    expect(fill(budget, { connection })).toBe(1);
  });

  test("are limited to a share for each holder, so that some are left for new holders", () => {
    const budget = new PlaceBudget({ placesMax: 1_000, sharePercent: 50 });
    const shares = Array.from({ length: 6 }, () => fill(budget, { connection: holder() }));
    expect(shares[0]).toBe(500);
    for (const [index, share] of shares.entries()) {
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThanOrEqual(shares[index - 1] ?? share);
    }
    expect(budget.refusal({ connection: holder(), caller: holder() })).toBeUndefined();
  });

  test("are limited for a caller with many connections, and each of these still gets a few", () => {
    const budget = new PlaceBudget({ placesMax: 1_000, sharePercent: 50 });
    const caller = holder();
    const taken = Array.from({ length: 300 }, () => fill(budget, { connection: holder(), caller }));
    expect(taken.slice(0, 2)).toEqual([500, 4]);
    expect(caller.taken).toBeLessThanOrEqual(1_000 * (15 / 16) + 1);
    expect(fill(budget, { connection: holder(), caller: holder() })).toBeGreaterThan(10);
  });

  test("are all available to calls without a share", () => {
    const budget = new PlaceBudget({ placesMax: 10, sharePercent: 50 });
    expect(fill(budget, {})).toBe(10);
  });
});
