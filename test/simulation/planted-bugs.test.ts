import { describe, expect, it } from "vitest";
import { visitWithCrashes } from "./crash-points.ts";
import { carefulReserve, type PlantedBug, plantedBugs } from "./planted-bugs/index.ts";
import { simulate } from "./simulate.ts";

/** Seeds within which each bug must be found; most take fewer than forty. */
const seedsMax = 300;
/** A bug that is never found takes a tenth of this, in milliseconds, on a machine with nothing else to do. */
const timeout = 120_000;

/** The first seed that finds a promise broken that the bug breaks. */
async function firstSeedThatFinds({ seams, breaks }: PlantedBug): Promise<number | undefined> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violations } = await simulate(seed, { seams });
    if (violations.some(({ invariant }) => breaks.includes(invariant))) return seed;
  }
  return undefined;
}

describe("a planted bug is found", () => {
  it.each(plantedBugs)("$name", { timeout }, async (bug) => {
    expect(await firstSeedThatFinds(bug)).toBeDefined();
  });

  it("by ending processes at every point, where it is about what a crash leaves behind", { timeout }, async () => {
    for (const bug of plantedBugs.filter(({ isFoundByCrashes }) => isFoundByCrashes)) {
      const { points } = await visitWithCrashes([], bug);
      const found = [];
      for (let point = 1; point <= points.length && found.length === 0; point++) {
        const { violations } = await visitWithCrashes([point], bug);
        found.push(...violations.filter(({ invariant }) => bug.breaks.includes(invariant)));
      }
      expect(found, bug.name).not.toEqual([]);
    }
  });

  it("and nothing is found where what was put in is no bug", { timeout }, async () => {
    for (let seed = 1; seed <= 40; seed++) {
      expect((await simulate(seed, { seams: carefulReserve })).violations).toEqual([]);
    }
  });
});
