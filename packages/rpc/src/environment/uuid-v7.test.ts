import { describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { newUuidV7 } from "./uuid-v7.ts";

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function source(now: () => number, random = Math.random) {
  return newUuidV7({ clock: { ...systemClock, now }, random });
}

describe("a UUIDv7", () => {
  it("has the form of RFC 9562 and contains the time", () => {
    const id = source(() => 0x017f22e279b0)();
    expect(id).toMatch(pattern);
    expect(id.replace("-", "").slice(0, 12)).toBe("017f22e279b0");
  });

  it("sorts after earlier ones, within a millisecond, beyond its counter, and when the clock is set back", () => {
    let now = 1_000_000;
    const newId = source(() => now);
    const ids: string[] = [];
    for (let index = 0; index < 10_000; index++) {
      ids.push(newId());
    }
    now = 500_000;
    ids.push(newId());
    now = 2_000_000;
    ids.push(newId());
    expect(ids.every((id) => pattern.test(id))).toBe(true);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([0, 1 - Number.EPSILON])("is well formed at the edge of randomness, %d", (edge) => {
    expect(
      source(
        () => 1,
        () => edge,
      )(),
    ).toMatch(pattern);
  });

  it("is deterministic for the same clock and randomness", () => {
    const seeded = () =>
      source(
        () => 42,
        () => 0.25,
      )();
    expect(seeded()).toBe(seeded());
  });
});
