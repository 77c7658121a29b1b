import { testRuns } from "@parley/store/testing";
import { describe, expect, test } from "vitest";
import { type PlantedBug, runFaultyDelivery } from "./testing/faulty-delivery.ts";

const seeds = Array.from({ length: testRuns(60) }, (_, seed) => seed + 1);

test("crashes and a faulty network lose, repeat and reorder no event", async () => {
  let appended = 0;
  let crashes = 0;
  for (const seed of seeds) {
    const run = await runFaultyDelivery(seed);
    expect(run.violations, `seed ${seed}`).toEqual([]);
    appended += run.appended;
    crashes += run.crashes;
  }
  // A run without faults proves nothing.
  expect(appended).toBeGreaterThan(seeds.length * 20);
  expect(crashes).toBeGreaterThan(seeds.length);
});

test("a seed replays exactly", async () => {
  expect(await runFaultyDelivery(7)).toEqual(await runFaultyDelivery(7));
});

describe("finds a planted bug:", () => {
  test.each<PlantedBug>(["marks-before-effect", "effect-without-inbox", "acknowledges-failures"])("%s", async (bug) => {
    const found: string[] = [];
    for (const seed of seeds.slice(0, 10)) {
      found.push(...(await runFaultyDelivery(seed, bug)).violations);
    }
    expect(found).not.toEqual([]);
  });
});
