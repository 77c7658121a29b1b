const digitCodes: readonly number[] = [..."0123456789abcdef"].map((digit) => digit.charCodeAt(0));

/** The position of digits in a text. */
export interface Place {
  readonly at: number;
  readonly digits: number;
}

/**
 * Writes the last digits of an integer, in hexadecimal, eight at most, into a text that is built in place. Ids and traces are
 * built so: pieces joined with `+` stay pieces until they are read, and are then copied into one.
 */
export function writeHex(text: Uint8Array, value: number, { at, digits }: Place): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index--) {
    text[index] = digitCodes[rest & 0xf] as number;
    rest >>>= 4;
  }
}
