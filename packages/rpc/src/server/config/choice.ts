import { EnvError, makeValidator, type Spec } from "envalid";

/** A setting with a fixed set of values. */
export function choice<const T extends string>(choices: readonly T[], { ...spec }: Spec<T> & { readonly default: T }) {
  return makeValidator<T>((input: string) => {
    const found = choices.find((word) => word === input);
    if (found === undefined) {
      throw new EnvError(`must be one of ${choices.join(", ")}, is "${input}"`);
    }
    return found;
  })(spec as { default: T });
}
