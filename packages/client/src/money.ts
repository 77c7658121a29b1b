import { create } from "@bufbuild/protobuf";
import { type Money, MoneySchema } from "@parley/gen/google/type/money_pb.js";

/** Billionths in a unit: what `nanos` of google.type.Money counts. */
const nanosPerUnit = 1_000_000_000n;
const nanosDigits = 9;

/** What the functions below take of google.type.Money: a currency of three letters (ISO 4217), whole units, and billionths of one. */
export type MoneyParts = Pick<Money, "currencyCode" | "units" | "nanos">;

/**
 * An amount for people, for example `$2,029.97` for `en-US`, with as many decimals as its currency has or as it needs.
 *
 * @param locales What `Intl.NumberFormat` takes; by default the language of the machine or the browser.
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
  // As text, since a number holds no more than about 16 digits.
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

/** The amount in decimal digits, exactly and without more zeros than it needs: `2029.97`, `-0.5`, `7`. */
export function decimalOf(money: Pick<Money, "units" | "nanos">): string {
  const total = totalNanos(money);
  const amount = total < 0n ? -total : total;
  const fraction = String(amount % nanosPerUnit)
    .padStart(nanosDigits, "0")
    .replace(/0+$/, "");
  return `${total < 0n ? "-" : ""}${amount / nanosPerUnit}${fraction === "" ? "" : `.${fraction}`}`;
}

/**
 * The amount that decimal digits say, for example `moneyOf("29.97", "USD")`.
 *
 * @throws RangeError if the text is not decimal digits with up to nine decimals, or the currency is not three capital letters.
 */
export function moneyOf(decimal: string, currencyCode: string): Money {
  const [, sign, whole, fraction = ""] = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/.exec(decimal) ?? [];
  if (whole === undefined) {
    throw new RangeError(`${JSON.stringify(decimal)} is no amount: up to 18 digits, and up to 9 after a point`);
  }
  const nanos = BigInt(whole) * nanosPerUnit + BigInt(fraction.padEnd(nanosDigits, "0"));
  return fromNanos(sign === "-" ? -nanos : nanos, currencyCode);
}

/**
 * The sum of amounts of one currency, exactly.
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
 * So many times the amount, exactly.
 *
 * @throws RangeError if the quantity is no whole number.
 */
export function multiplyMoney(money: MoneyParts, quantity: number | bigint): Money {
  return fromNanos(totalNanos(money) * BigInt(quantity), money.currencyCode);
}

/** Units and nanos have the same sign (google/type/money.proto), so that they add up. */
function totalNanos({ units, nanos }: Pick<Money, "units" | "nanos">): bigint {
  return units * nanosPerUnit + BigInt(nanos);
}

function fromNanos(total: bigint, currencyCode: string): Money {
  if (!/^[A-Z]{3}$/.test(currencyCode)) {
    throw new RangeError(`${JSON.stringify(currencyCode)} is no currency: three capital letters (ISO 4217)`);
  }
  return create(MoneySchema, { currencyCode, units: total / nanosPerUnit, nanos: Number(total % nanosPerUnit) });
}
