import { describe, expect, it } from "vitest";
import { visitWithCrashes } from "./crash-points.ts";
import { carefulReserve, type PlantedBug, plantedBugs } from "./planted-bugs/index.ts";
import { simulate } from "./simulate.ts";

/** Each bug must be found within this many seeds. Most need fewer than forty. */
const seedsMax = 300;
/** Running all seeds takes a tenth of this time on an idle machine. In milliseconds. */
const timeout = 120_000;

/** The first seed with a violation that the bug causes. */
async function firstSeedThatFinds({
  seams,
  breaks,
  replicated,
  losesTail,
  faults,
}: PlantedBug): Promise<number | undefined> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violations } = await simulate(seed, {
      seams,
      ...(replicated && { replicated }),
      ...(losesTail && { losesTail }),
      ...(faults && { faults }),
    });
    if (violations.some(({ invariant }) => breaks.includes(invariant))) return seed;
  }
  return undefined;
}

describe("a planted bug is found", () => {
  it.each(plantedBugs)("$name", { timeout }, async (bug) => {
    expect(await firstSeedThatFinds(bug)).toBeDefined();
  });

  it("by crashing processes at every point, if a crash exposes it", { timeout }, async () => {
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

  it("and the careful implementation passes", { timeout }, async () => {
    for (let seed = 1; seed <= 40; seed++) {
      expect((await simulate(seed, { seams: carefulReserve })).violations).toEqual([]);
    }
  });
});
