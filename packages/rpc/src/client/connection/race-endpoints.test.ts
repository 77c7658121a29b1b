import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTestClock } from "../../testing/test-clock.ts";
import { raceEndpoints } from "./race-endpoints.ts";
import { interleaveFamilies } from "./resolution/interleave-families.ts";

/** The outcome of an attempt: after how many milliseconds, and whether it connects. */
interface Script {
  readonly afterMs: number;
  readonly connects: boolean;
}

function race(scripts: readonly Script[]) {
  const clock = createTestClock();
  const started: number[] = [];
  const abandoned: number[] = [];
  const discarded: number[] = [];
  const client = new AbortController();
  const result = raceEndpoints(
    scripts.map((_, port) => ({ host: "test", port })),
    {
      clock,
      signal: client.signal,
      discard: (port: number) => discarded.push(port),
      open: ({ port }, signal) => {
        started[port] = clock.monotonic();
        signal.addEventListener("abort", () => abandoned.push(port));
        const { afterMs, connects } = scripts[port] as Script;
        return new Promise((resolve, reject) => {
          clock.after(afterMs, () => (connects ? resolve(port) : reject(new Error(`refused ${port}`))));
        });
      },
    },
  );
  result.catch(() => {});
  return { clock, result, started, abandoned, discarded, client };
}

const silent: Script = { afterMs: Number.POSITIVE_INFINITY, connects: false };

describe("connecting to several addresses", () => {
  it("tries the next after 250 ms beside one that is silent, and takes the first that answers", async () => {
    const { clock, result, started, abandoned } = race([silent, silent, { afterMs: 10, connects: true }, silent]);
    await clock.advance(600);
    expect([await result, started, abandoned]).toEqual([2, [0, 250, 500], [0, 1, 2]]);
  });

  it("tries the next at once if one refuses", async () => {
    const { clock, result, started } = race([
      { afterMs: 5, connects: false },
      { afterMs: 5, connects: false },
      { afterMs: 5, connects: true },
    ]);
    await clock.advance(20);
    expect([await result, started]).toEqual([2, [0, 5, 10]]);
  });

  it("does not try the others if the first answers within 250 ms", async () => {
    const { clock, result, started } = race([{ afterMs: 249, connects: true }, silent]);
    await clock.advance(1000);
    expect([await result, started, clock.pendingCount]).toEqual([0, [0], 0]);
  });

  it("closes a connection that comes second", async () => {
    const { clock, result, discarded } = race([
      { afterMs: 300, connects: true },
      { afterMs: 45, connects: true },
    ]);
    await clock.advance(1000);
    expect([await result, discarded]).toEqual([1, [0]]);
  });

  it("ends when the client is closed, and without an address", async () => {
    const { clock, result, client, abandoned } = race([silent, silent]);
    await clock.advance(300);
    client.abort();
    await expect(result).rejects.toThrow("the client was closed");
    expect(abandoned).toEqual([0, 1]);
    await expect(race([]).result).rejects.toThrow("no address");
  });

  it("succeeds if any address does, and takes no longer than that one and 250 ms for each before it", async () => {
    const script = fc.record({ afterMs: fc.nat(2000), connects: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 8 }), async (scripts) => {
        const { clock, result } = race(scripts);
        let endMs = Number.NaN;
        const ended = result.then(
          () => {
            endMs = clock.monotonic();
            return "connected";
          },
          (error) => (error instanceof AggregateError ? error.errors.length : 1),
        );
        await clock.advance(20_000);
        const latest = scripts.map(({ afterMs, connects }, index) => (connects ? 250 * index + afterMs : Infinity));
        const boundMs = Math.min(...latest);
        expect(await ended).toBe(boundMs === Infinity ? scripts.length : "connected");
        expect(boundMs === Infinity || endMs <= boundMs).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe("addresses of two families", () => {
  it("take turns, beginning with the family that came first, and none is lost", () => {
    const of = (families: readonly number[]) => interleaveFamilies(families.map((family) => ({ family })));
    expect(of([6, 6, 6, 4]).map(({ family }) => family)).toEqual([6, 4, 6, 6]);
    expect(of([4, 6, 6, 6]).map(({ family }) => family)).toEqual([4, 6, 6, 6]);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(4, 6)), (families) => {
        const addresses = families.map((family, index) => ({ family, index }));
        const ordered = interleaveFamilies(addresses);
        expect(new Set(ordered)).toEqual(new Set(addresses));
        expect(ordered.length).toBe(addresses.length);
        expect(ordered[0]).toBe(addresses[0]);
      }),
    );
  });
});
