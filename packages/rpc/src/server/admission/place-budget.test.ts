import { describe, expect, test } from "vitest";
import { PlaceBudget, type PlaceHolder } from "./place-budget.ts";

const holder = (): PlaceHolder => ({ taken: 0 });

/** Takes as many places as it gets, and says how many. */
function fill(budget: PlaceBudget, holders: { connection?: PlaceHolder; caller?: PlaceHolder }): number {
  const all = { connection: holders.connection, caller: holders.caller };
  let taken = 0;
  while (budget.refusal(all) === undefined) {
    budget.take(all);
    taken++;
  }
  return taken;
}

describe("places", () => {
  test("are all given where there are no shares, and come back", () => {
    const budget = new PlaceBudget({ placesMax: 10, sharePercent: 100 });
    const connection = holder();
    expect(fill(budget, { connection })).toBe(10);
    expect(budget.refusal({ connection: undefined, caller: undefined })).toBe("full");
    budget.giveBack({ connection, caller: undefined });
    expect(fill(budget, { connection })).toBe(1);
  });

  test("are given to one holder up to its share, and some are left for new ones, however many came before", () => {
    const budget = new PlaceBudget({ placesMax: 1_000, sharePercent: 50 });
    const shares = Array.from({ length: 6 }, () => fill(budget, { connection: holder() }));
    expect(shares[0]).toBe(500);
    for (const [index, share] of shares.entries()) {
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThanOrEqual(shares[index - 1] ?? share);
    }
    expect(budget.refusal({ connection: holder(), caller: holder() })).toBeUndefined();
  });

  test("are not multiplied by connections of one caller, whose quiet connections still get a few", () => {
    const budget = new PlaceBudget({ placesMax: 1_000, sharePercent: 50 });
    const caller = holder();
    const taken = Array.from({ length: 300 }, () => fill(budget, { connection: holder(), caller }));
    expect(taken.slice(0, 2)).toEqual([500, 4]);
    expect(caller.taken).toBeLessThanOrEqual(1_000 * (15 / 16) + 1);
    expect(fill(budget, { connection: holder(), caller: holder() })).toBeGreaterThan(10);
  });

  test("are given to what is held to no share until none is left", () => {
    const budget = new PlaceBudget({ placesMax: 10, sharePercent: 50 });
    expect(fill(budget, {})).toBe(10);
  });
});
