import { describe, expect, it } from "vitest";
import type { OutlierOptions } from "../channel.ts";
import { CallCounts, type Ejectable, OutlierEjection } from "./outlier-ejection.ts";
import { leastRequest, type Pickable, roundRobin } from "./pick.ts";

function address(calls = 0, failures = 0): Ejectable & { readonly forMs: number[] } {
  const forMs: number[] = [];
  return {
    counts: Object.assign(new CallCounts(), { calls, failures }),
    ejectedUntilMs: undefined as number | undefined,
    ejectionCount: 0,
    failuresInARow: 0,
    isOnProbation: false,
    forMs,
    eject(untilMs, details) {
      Object.assign(this, { ejectedUntilMs: untilMs });
      forMs.push(details.forMs);
    },
    readmit() {
      Object.assign(this, { ejectedUntilMs: undefined });
    },
  };
}

describe("outlier ejection", () => {
  const cases: readonly {
    readonly name: string;
    /** Calls and failures of each address. */
    readonly counts: readonly (readonly [number, number])[];
    readonly ejected: readonly number[];
    readonly options?: OutlierOptions;
  }[] = [
    {
      name: "no address if no call fails",
      counts: [
        [9, 0],
        [9, 0],
        [9, 0],
      ],
      ejected: [],
    },
    {
      name: "an address whose calls fail",
      counts: [
        [9, 9],
        [9, 0],
        [9, 0],
      ],
      ejected: [0],
    },
    {
      name: "one of two addresses",
      counts: [
        [9, 9],
        [9, 0],
      ],
      ejected: [0],
    },
    { name: "not the only address", counts: [[9, 9]], ejected: [] },
    {
      name: "no address if all of them fail",
      counts: [
        [9, 9],
        [9, 9],
        [9, 9],
      ],
      ejected: [],
    },
    {
      name: "no address for a few failures",
      counts: [
        [9, 4],
        [9, 0],
        [9, 0],
      ],
      ejected: [],
    },
    {
      name: "no address for too few calls",
      counts: [
        [4, 4],
        [9, 0],
        [9, 0],
      ],
      ejected: [],
    },
    {
      name: "no address without calls of others",
      counts: [
        [9, 9],
        [0, 0],
        [0, 0],
      ],
      ejected: [],
    },
    {
      name: "not more than half of the addresses",
      counts: [
        [9, 9],
        [9, 9],
        [99, 0],
        [99, 0],
        [99, 0],
      ],
      ejected: [0, 1],
    },
    {
      name: "one of three addresses, though two fail",
      counts: [
        [9, 9],
        [9, 9],
        [99, 0],
      ],
      ejected: [0],
    },
    {
      name: "by its options",
      counts: [
        [2, 1],
        [9, 0],
      ],
      ejected: [0],
      options: { callsMin: 2, failureRatio: 0.3 },
    },
  ];
  it.each(cases)("ejects $name", ({ counts, ejected, options }) => {
    const addresses = counts.map(([calls, failures]) => address(calls, failures));
    new OutlierEjection(options).judge(addresses, 0);
    expect(addresses.flatMap(({ ejectedUntilMs }, index) => (ejectedUntilMs === undefined ? [] : [index]))).toEqual(
      ejected,
    );
  });

  it("lasts longer with each consecutive ejection, up to the maximum, and shorter again after good intervals", () => {
    const ejection = new OutlierEjection({ baseEjectionMs: 1000, ejectionMaxMs: 2500 });
    const [bad, good] = [address(), address()];
    let nowMs = 0;
    const interval = (failures: number) => {
      Object.assign(bad.counts, { calls: 9, failures });
      Object.assign(good.counts, { calls: 9, failures: 0 });
      ejection.judge([bad, good], nowMs);
      nowMs += 10_000;
      ejection.judge([bad, good], nowMs);
    };
    interval(9);
    interval(9);
    interval(9);
    expect(bad.forMs).toEqual([1000, 2000, 2500]);
    for (let times = 0; times < 9; times++) {
      interval(0);
    }
    interval(9);
    expect(bad.forMs.at(-1)).toBe(1000);
  });

  it("does not wait for the interval if calls fail in a row; on probation one failure is enough", () => {
    const ejection = new OutlierEjection();
    const [bad, good] = [address(), address(9, 0)];
    const fail = () => {
      bad.counts.calls++;
      bad.counts.failures++;
      bad.failuresInARow++;
      ejection.failed(bad, [bad, good], 0);
      return bad.ejectedUntilMs !== undefined;
    };
    expect([fail(), fail(), fail(), fail(), fail()]).toEqual([false, false, false, false, true]);
    ejection.judge([bad, good], 1e9);
    expect(bad.ejectedUntilMs).toBeUndefined();
    bad.failuresInARow = 0;
    Object.assign(good.counts, { calls: 9, failures: 0 });
    expect(fail()).toBe(true);
  });

  it("drops old counts of an address with few calls", () => {
    const ejection = new OutlierEjection();
    const [bad, good] = [address(4, 4), address(9, 0)];
    for (let intervals = 0; intervals < 30; intervals++) {
      ejection.judge([bad, good], 0);
    }
    expect(bad.counts.calls).toBe(0);
  });
});

describe.each([
  ["round_robin", roundRobin],
  ["least_request", leastRequest],
] as const)("%s", (_name, policy) => {
  const shares = (addresses: readonly Pickable[], picks = 3000) => {
    let seed = 1;
    const random = () => {
      // Numerical Recipes' generator: the same numbers on every machine.
      seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
      return seed / 2 ** 32;
    };
    const pick = policy<Pickable>(random);
    const counts = new Map<Pickable | undefined, number>();
    for (let index = 0; index < picks; index++) {
      const picked = pick(addresses);
      counts.set(picked, (counts.get(picked) ?? 0) + 1);
    }
    return addresses.map((each) => (counts.get(each) ?? 0) / picks);
  };
  const one = (weight = 1, openCount = 0): Pickable => ({ weight, openCount });

  it("picks none of no addresses, and the only one of one", () => {
    expect(policy<Pickable>(Math.random)([])).toBeUndefined();
    expect(shares([one(0.1)])).toEqual([1]);
  });

  it("gives equal addresses equal shares, new or not", () => {
    for (const weight of [1, 0.1]) {
      for (const share of shares([one(weight), one(weight), one(weight)])) {
        expect(share).toBeCloseTo(1 / 3, 1);
      }
    }
  });

  it("gives a new address a smaller share, but not none", () => {
    const [fresh = 0] = shares([one(0.1), one(), one()]);
    expect(fresh).toBeGreaterThan(0.01);
    expect(fresh).toBeLessThan(0.12);
  });
});

it("least_request does not give a stalled address all calls because the others are new", () => {
  const addresses = [
    { weight: 1, openCount: 12 },
    { weight: 0.1, openCount: 0 },
    { weight: 0.1, openCount: 0 },
  ];
  const pick = leastRequest<Pickable>(Math.random);
  expect(Array.from({ length: 1000 }, () => pick(addresses)).includes(addresses[0])).toBe(false);
});

it("least_request never takes the one with the most open calls of three", () => {
  const addresses = [
    { weight: 1, openCount: 9 },
    { weight: 1, openCount: 1 },
    { weight: 1, openCount: 2 },
  ];
  const pick = leastRequest<Pickable>(Math.random);
  expect(Array.from({ length: 100 }, () => pick(addresses)).includes(addresses[0])).toBe(false);
});
