import { EnvError, makeValidator, type Spec } from "envalid";

/** A setting for an integer from `min` to `max`, both inclusive. */
export function wholeNumber({
  min,
  max,
  ...spec
}: { readonly min: number; readonly max: number } & Spec<number> & { default: number }) {
  return makeValidator((input: string) => {
    const value = Number(input);
    if (input.trim() === "" || !Number.isInteger(value) || value < min || value > max) {
      throw new EnvError(`must be a whole number from ${min} to ${max}, is "${input}"`);
    }
    return value;
  })(spec);
}
