import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountUnitsMax, type Money, multiply, sum } from "./money.ts";
import { AmountOutOfRangeError, MixedCurrenciesError } from "./order-errors.ts";

const usd = (units: bigint, nanos = 0): Money => ({ units, nanos, currencyCode: "USD" });

const price = fc.record({
  units: fc.bigInt({ min: 0n, max: 1_000_000_000n }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
  currencyCode: fc.constant("USD"),
});

describe("money", () => {
  it("is exact where floating point is not", () => {
    const laptops = multiply(usd(999n, 990_000_000), 2);
    const mouse = multiply(usd(29n, 990_000_000), 1);
    expect(sum([laptops, mouse])).toEqual(usd(2029n, 970_000_000));
  });

  it("multiplies like repeated addition", () => {
    fc.assert(
      fc.property(price, fc.integer({ min: 1, max: 50 }), (money, quantity) => {
        expect(multiply(money, quantity)).toEqual(sum(Array.from({ length: quantity }, () => money)));
      }),
    );
  });

  it("keeps nanos below one unit, and is independent of the order of the amounts", () => {
    fc.assert(
      fc.property(fc.array(price, { minLength: 1, maxLength: 20 }), (amounts) => {
        const total = sum(amounts);
        expect(total.nanos).toBeGreaterThanOrEqual(0);
        expect(total.nanos).toBeLessThan(1_000_000_000);
        expect(sum(amounts.toReversed())).toEqual(total);
      }),
    );
  });

  it("accepts the largest order that the contracts allow", () => {
    expect(multiply(usd(1_000_000_000n), 1_000_000)).toEqual(usd(amountUnitsMax));
  });

  it.each([
    ["more than the largest amount", () => multiply(usd(1_000_000_000n, 1), 1_000_000)],
    ["a sum beyond the largest amount", () => sum([usd(amountUnitsMax), usd(0n, 1)])],
    ["a negative price", () => multiply(usd(-1n), 1)],
  ])("refuses %s", (_, amount) => {
    expect(amount).toThrow(AmountOutOfRangeError);
  });

  it("refuses to add different currencies, and names them", () => {
    const mixed = () => sum([usd(1n), { units: 1n, nanos: 0, currencyCode: "EUR" }]);
    expect(mixed).toThrow(MixedCurrenciesError);
    expect(mixed).toThrow("USD, EUR");
  });
});
