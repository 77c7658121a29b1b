import { AmountOutOfRangeError, MixedCurrenciesError } from "./order-errors.ts";

/** An amount of money, as in `google.type.Money`. Never negative here. */
export interface Money {
  /** Whole units of the currency. */
  readonly units: bigint;
  /** Billionths of a unit. 0 to 999,999,999. */
  readonly nanos: number;
  /** Three capital letters (ISO 4217). */
  readonly currencyCode: string;
}

const NANOS_PER_UNIT = 1_000_000_000n;

/**
 * The largest amount. An order has at most a million units (100 lines of 10,000) that cost at most a thousand
 * million each (the product contract), so a larger sum is an error; and it is exact in JSON parsers that use doubles.
 */
export const amountUnitsMax = 1_000_000_000_000_000n;

/** `price` times `quantity`. Throws {@link AmountOutOfRangeError} if either is negative or the result is too large. */
export function multiply(price: Money, quantity: number): Money {
  return amount(nanosOf(price) * BigInt(quantity), price.currencyCode);
}

/**
 * The sum of at least one amount. Throws {@link MixedCurrenciesError} if the currencies
 * differ, {@link AmountOutOfRangeError} if the result is too large.
 */
export function sum(amounts: readonly Money[]): Money {
  let nanos = 0n;
  let currencyCode: string | undefined;
  for (const money of amounts) {
    currencyCode ??= money.currencyCode;
    if (money.currencyCode !== currencyCode) throw new MixedCurrenciesError([currencyCode, money.currencyCode]);
    nanos += nanosOf(money);
  }
  return amount(nanos, currencyCode ?? "");
}

function nanosOf({ units, nanos }: Money): bigint {
  return units * NANOS_PER_UNIT + BigInt(nanos);
}

function amount(totalNanos: bigint, currencyCode: string): Money {
  if (totalNanos < 0n || totalNanos > amountUnitsMax * NANOS_PER_UNIT) throw new AmountOutOfRangeError();
  return {
    units: totalNanos / NANOS_PER_UNIT,
    nanos: Number(totalNanos % NANOS_PER_UNIT),
    currencyCode,
  };
}
