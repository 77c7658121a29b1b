/** A decimal number that `google.type.Money` cannot hold. The message is the rest of a sentence that begins with the field's name. */
export class DecimalAmountError extends Error {
  override readonly name = "DecimalAmountError";
}

/** Whole units and billionths, of the same sign (google/type/money.proto). */
export interface DecimalAmount {
  readonly units: bigint;
  readonly nanos: number;
}

/** The decimals of `google.type.Money`. */
const decimalsMax = 9;
/** More characters than any amount has: not worth converting. */
const textLengthMax = 64;
/** `units` is an int64. */
const unitsMax = 2n ** 63n - 1n;

/**
 * The amount of a number in JSON's notation (RFC 8259, section 6), exactly: `199.99` is 199 units and 990,000,000 nanos, without the
 * rounding of floating-point numbers. Throws a {@link DecimalAmountError} for more than nine decimals, and for more units than an int64 holds.
 */
export function decimalAmount(text: string): DecimalAmount {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = numberPattern.exec(text) ?? [];
  const given = `it is ${text.slice(0, textLengthMax)}`;
  if (whole === "" || text.length > textLengthMax) {
    throw new DecimalAmountError(`must be a decimal number of at most ${textLengthMax} characters, such as 199.99`);
  }
  const digits = `${whole}${fraction}`;
  const point = whole.length + Number(exponent);
  if (/^0*$/.test(digits)) {
    return { units: 0n, nanos: 0 };
  }
  const decimals = (point >= 0 ? digits.slice(point) : zeros(-point) + digits).replace(/0+$/, "");
  if (decimals.length > decimalsMax) {
    throw new DecimalAmountError(`must have at most ${decimalsMax} decimals, such as 199.99; ${given}`);
  }
  const units = BigInt(point <= 0 ? "0" : digits.slice(0, point) + zeros(point - digits.length));
  if (units > unitsMax) {
    throw new DecimalAmountError(`must be from -${unitsMax} to ${unitsMax}; ${given}`);
  }
  const nanos = Number(decimals.padEnd(decimalsMax, "0"));
  // Without a negative zero, which is no int32.
  return sign === "" ? { units, nanos } : { units: -units, nanos: nanos === 0 ? 0 : -nanos };
}

const numberPattern = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** An exponent may ask for a billion of them: a few more than fit already are too many. */
function zeros(count: number): string {
  return "0".repeat(Math.min(Math.max(count, 0), textLengthMax));
}
