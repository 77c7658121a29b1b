import fc from "fast-check";
import { expect, test } from "vitest";
import { DecimalAmountError, decimalAmount } from "./decimal-amount.ts";

test.each([
  ["199.99", 199n, 990_000_000],
  ["0.1", 0n, 100_000_000],
  ["4503599627370497.5", 4_503_599_627_370_497n, 500_000_000],
  ["9223372036854775807.999999999", 9_223_372_036_854_775_807n, 999_999_999],
  ["-1.5", -1n, -500_000_000],
  ["-0.25", 0n, -250_000_000],
  ["-0", 0n, 0],
  ["-0.0e5", 0n, 0],
  ["0e999999999", 0n, 0],
  ["1.50000000000000", 1n, 500_000_000],
  ["1e2", 100n, 0],
  ["1.5E+1", 15n, 0],
  ["15e-1", 1n, 500_000_000],
  ["1e-9", 0n, 1],
  ["123456e-9", 0n, 123_456],
])("%s is read exactly", (text, units, nanos) => {
  expect(decimalAmount(text)).toEqual({ units, nanos });
});

test.each([
  ["0.0123456789", "at most 9 decimals"],
  ["1e-10", "at most 9 decimals"],
  ["1e-999999999", "at most 9 decimals"],
  ["9223372036854775808", "from -9223372036854775807 to 9223372036854775807"],
  ["1e400", "from -9223372036854775807 to 9223372036854775807"],
  ["1e999999999", "from -9223372036854775807 to 9223372036854775807"],
  ["1".repeat(65), "at most 64 characters"],
  ["", "must be a decimal number"],
  ["0x10", "must be a decimal number"],
  ["1.5 ", "must be a decimal number"],
])("%s is refused, with the limit", (text, words) => {
  expect(() => decimalAmount(text)).toThrow(DecimalAmountError);
  expect(() => decimalAmount(text)).toThrow(words);
});

test("every amount is the same in every notation", () => {
  const amount = fc.record({
    units: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
    negative: fc.boolean(),
    exponent: fc.integer({ min: -12, max: 9 }),
  });
  fc.assert(
    fc.property(amount, ({ units, nanos, negative, exponent }) => {
      // The digits as a whole number of billionths, shifted.
      const digits = `${units}${String(nanos).padStart(9, "0")}`;
      const sign = negative ? "-" : "";
      const point = digits.length - 9 - exponent;
      const shifted =
        point > 0
          ? `${digits.slice(0, point).padEnd(point, "0")}.${digits.slice(point)}0`
          : `0.${"0".repeat(-point)}${digits}`;
      const expected = negative ? { units: -units, nanos: nanos === 0 ? 0 : -nanos } : { units, nanos };
      for (const text of [
        `${sign}${units}.${String(nanos).padStart(9, "0")}`,
        `${sign}${shifted.replace(/^0+(?=\d)/, "")}e${exponent}`,
      ]) {
        const read = decimalAmount(text);
        expect(read).toEqual(expected);
        expect(Object.is(read.nanos, -0)).toBe(false);
      }
    }),
  );
});
