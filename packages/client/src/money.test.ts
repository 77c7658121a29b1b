import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addMoney, decimalOf, formatMoney, moneyOf, multiplyMoney } from "./money.ts";

const usd = (decimal: string) => moneyOf(decimal, "USD");
/** Any amount that google.type.Money can hold within 18 digits, in billionths. */
const total = fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n });
const moneyFrom = (nanos: bigint) => ({
  currencyCode: "USD",
  units: nanos / 1_000_000_000n,
  nanos: Number(nanos % 1_000_000_000n),
});
const nanosOf = (money: { units: bigint; nanos: number }) => money.units * 1_000_000_000n + BigInt(money.nanos);

describe("formatMoney", () => {
  test.each([
    ["2029.97", "USD", "en-US", "$2,029.97"],
    ["7", "USD", "en-US", "$7.00"],
    ["-0.5", "USD", "en-US", "-$0.50"],
    ["1234.5", "JPY", "en-US", "\u00a51,234.5"],
    ["1234", "JPY", "en-US", "\u00a51,234"],
    ["0.000000001", "USD", "en-US", "$0.000000001"],
    ["999999999999999999.99", "USD", "en-US", "$999,999,999,999,999,999.99"],
    ["1234.5", "EUR", "de-DE", "1.234,50\u00a0\u20ac"],
  ])("%s %s in %s is %s", (decimal, currency, locale, expected) => {
    expect(formatMoney(moneyOf(decimal, currency), locale)).toBe(expected);
  });

  test("uses the machine's language by default", () => {
    expect(formatMoney(usd("29.97"))).toContain("29");
    expect(formatMoney(usd("29.97"), ["en-US", "de-DE"])).toBe("$29.97");
  });

  test("throws without a currency", () => {
    expect(() => formatMoney({ currencyCode: "", units: 1n, nanos: 0 })).toThrow(RangeError);
  });
});

describe("decimalOf and moneyOf", () => {
  test("round-trip for every amount", () => {
    fc.assert(
      fc.property(total, (nanos) => {
        const decimal = decimalOf(moneyFrom(nanos));
        expect(decimal).not.toMatch(/\.\d*0$|^-0$/);
        expect(nanosOf(usd(decimal))).toBe(nanos);
      }),
    );
  });

  test.each(["", "1.", ".5", "1,5", "1e3", "+1", " 1", "0x1", "1.0000000001", "1234567890123456789", "NaN", "--1"])(
    "%j is refused",
    (text) => {
      expect(() => usd(text)).toThrow(RangeError);
    },
  );

  test.each(["", "usd", "US", "USDT", "U$D"])("%j is not a currency", (currency) => {
    expect(() => moneyOf("1", currency)).toThrow(RangeError);
  });
});

describe("amounts", () => {
  test("are added and multiplied exactly, with units and nanos of one sign", () => {
    const amounts = fc.array(total, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(amounts, fc.integer({ min: -1_000, max: 1_000 }), (parts, quantity) => {
        const [first = 0n, ...more] = parts;
        const sum = addMoney(moneyFrom(first), ...more.map(moneyFrom));
        expect(nanosOf(sum)).toBe(parts.reduce((one, other) => one + other, 0n));
        expect(Math.sign(Number(sum.units)) * Math.sign(sum.nanos)).toBeGreaterThanOrEqual(0);
        expect(nanosOf(multiplyMoney(moneyFrom(first), quantity))).toBe(first * BigInt(quantity));
      }),
    );
  });

  test("of an order are correct", () => {
    const total = addMoney(multiplyMoney(usd("999.99"), 2), usd("29.99"));
    expect([decimalOf(total), formatMoney(total, "en-US")]).toEqual(["2029.97", "$2,029.97"]);
  });

  test("of two currencies cannot be added, and a quantity must be an integer", () => {
    expect(() => addMoney(usd("1"), moneyOf("1", "EUR"))).toThrow(RangeError);
    expect(() => multiplyMoney(usd("1"), 0.5)).toThrow(RangeError);
  });
});
