import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MetricValue } from "../../telemetry/metric-family.ts";
import { BufferBudget, type BufferHolder } from "./buffer-budget.ts";

class Holder implements BufferHolder {
  evicted = 0;
  evict(): void {
    this.evicted++;
  }
}

describe("a budget of buffered bytes", () => {
  it("never exceeds its limit", () => {
    const step = fc.record({ holder: fc.nat(20), bytes: fc.nat(60) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const held = new MetricValue();
        const budget = new BufferBudget(100, held);
        const holders = Array.from({ length: 21 }, () => new Holder());
        for (const { holder, bytes } of steps) {
          budget.hold(holders[holder] as Holder, bytes);
          expect(budget.bytes).toBeLessThanOrEqual(100);
          expect(budget.bytes).toBeGreaterThanOrEqual(0);
          expect(held.value).toBe(budget.bytes);
        }
        for (const holder of holders) {
          budget.hold(holder, 0);
        }
        expect(budget.bytes).toBe(0);
      }),
    );
  });

  it("evicts holders that keep their bytes, and not a holder that frees them at once", () => {
    const budget = new BufferBudget(1_000, new MetricValue());
    const attackers = Array.from({ length: 100 }, () => new Holder());
    const good = new Holder();
    for (let round = 1; round <= 50; round++) {
      for (const attacker of attackers) {
        budget.hold(attacker, round);
        budget.hold(good, 400);
        budget.hold(good, 0);
      }
    }
    expect(good.evicted).toBe(0);
    expect(attackers.some(({ evicted }) => evicted > 0)).toBe(true);
  });

  it("evicts a single holder above the limit", () => {
    const budget = new BufferBudget(1_000, new MetricValue());
    const one = new Holder();
    budget.hold(one, 1_001);
    expect(one.evicted).toBe(1);
    expect(budget.bytes).toBe(0);
  });
});
