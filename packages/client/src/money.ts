import { create } from "@bufbuild/protobuf";
import { type Money, MoneySchema } from "@parley/gen/google/type/money_pb.js";

/** The number of nanos of google.type.Money in one unit. */
const nanosPerUnit = 1_000_000_000n;
const nanosDigits = 9;

/** The fields of google.type.Money: a three-letter currency code (ISO 4217), whole units, and nanos. */
export type MoneyParts = Pick<Money, "currencyCode" | "units" | "nanos">;

/**
 * Formats an amount, for example `$2,029.97` for `en-US`, with the decimals of its currency, or more if it has more.
 *
 * @param locales As for `Intl.NumberFormat`. By default the language of the machine or the browser.
 * @throws RangeError if the currency is not three letters.
 */
export function formatMoney(money: MoneyParts, locales?: string | readonly string[]): string {
  const decimal = decimalOf(money);
  const format = new Intl.NumberFormat(locales === undefined ? undefined : [locales].flat(), {
    style: "currency",
    currency: money.currencyCode,
  });
  const decimals = decimal.split(".")[1]?.length ?? 0;
  const { maximumFractionDigits = 0 } = format.resolvedOptions();
  // As a string, because a number holds only about 16 digits.
  const exact = decimal as `${number}`;
  if (decimals <= maximumFractionDigits) {
    return format.format(exact);
  }
  return new Intl.NumberFormat(locales === undefined ? undefined : [locales].flat(), {
    style: "currency",
    currency: money.currencyCode,
    maximumFractionDigits: decimals,
  }).format(exact);
}

/** The amount as a decimal string, exact and without trailing zeros: `2029.97`, `-0.5`, `7`. */
export function decimalOf(money: Pick<Money, "units" | "nanos">): string {
  const total = totalNanos(money);
  const amount = total < 0n ? -total : total;
  const fraction = String(amount % nanosPerUnit)
    .padStart(nanosDigits, "0")
    .replace(/0+$/, "");
  return `${total < 0n ? "-" : ""}${amount / nanosPerUnit}${fraction === "" ? "" : `.${fraction}`}`;
}

/**
 * Parses a decimal string, for example `moneyOf("29.97", "USD")`.
 *
 * @throws RangeError if the text is not a decimal number with up to nine decimals, or the currency is not three capital letters.
 */
export function moneyOf(decimal: string, currencyCode: string): Money {
  const [, sign, whole, fraction = ""] = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/.exec(decimal) ?? [];
  if (whole === undefined) {
    throw new RangeError(
      `${JSON.stringify(decimal)} is not an amount: use up to 18 digits, and up to 9 after a decimal point`,
    );
  }
  const nanos = BigInt(whole) * nanosPerUnit + BigInt(fraction.padEnd(nanosDigits, "0"));
  return fromNanos(sign === "-" ? -nanos : nanos, currencyCode);
}

/**
 * The exact sum of amounts of one currency.
 *
 * @throws RangeError if the currencies differ.
 */
export function addMoney(first: MoneyParts, ...more: readonly MoneyParts[]): Money {
  const other = more.find(({ currencyCode }) => currencyCode !== first.currencyCode);
  if (other !== undefined) {
    throw new RangeError(`${first.currencyCode} and ${other.currencyCode} cannot be added`);
  }
  return fromNanos(
    more.reduce((sum, money) => sum + totalNanos(money), totalNanos(first)),
    first.currencyCode,
  );
}

/**
 * The amount times the quantity, exactly.
 *
 * @throws RangeError if the quantity is not an integer.
 */
export function multiplyMoney(money: MoneyParts, quantity: number | bigint): Money {
  return fromNanos(totalNanos(money) * BigInt(quantity), money.currencyCode);
}

/** Units and nanos have the same sign (google/type/money.proto), so they can be added. */
function totalNanos({ units, nanos }: Pick<Money, "units" | "nanos">): bigint {
  return units * nanosPerUnit + BigInt(nanos);
}

function fromNanos(total: bigint, currencyCode: string): Money {
  if (!/^[A-Z]{3}$/.test(currencyCode)) {
    throw new RangeError(
      `${JSON.stringify(currencyCode)} is not a currency code: use three capital letters (ISO 4217)`,
    );
  }
  return create(MoneySchema, { currencyCode, units: total / nanosPerUnit, nanos: Number(total % nanosPerUnit) });
}
