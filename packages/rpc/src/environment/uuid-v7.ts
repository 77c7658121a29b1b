import type { Clock } from "./clock.ts";

/**
 * Makes ids: UUIDv7 (RFC 9562, section 5.7), 48 bits of milliseconds and then randomness, with the counter of section 6.2,
 * method 1, so that the ids of one source sort in the order in which they were made even within a millisecond.
 */
export function newUuidV7({ clock, random }: { readonly clock: Clock; readonly random: () => number }): () => string {
  let lastMs = 0;
  let counter = 0;
  let writtenMs = Number.NaN;
  let time = "";
  return () => {
    const nowMs = clock.now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      counter = Math.floor(random() * counterSeedMax);
    } else if (++counter > counterMax) {
      // More ids than the counter has room for, or a clock that was set back: borrow the next millisecond.
      lastMs++;
      counter = 0;
    }
    if (lastMs !== writtenMs) {
      writtenMs = lastMs;
      const digits = lastMs.toString(16).padStart(12, "0");
      time = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
    }
    const variant = (0x8000 | Math.floor(random() * 0x4000)).toString(16);
    return `${time}${hexDigits(counter)}-${variant}-${bits24(random)}${bits24(random)}`;
  };
}

/** The counter has the 12 bits of `rand_a`. */
const counterMax = 0xfff;

/** A millisecond's counter starts in the lower half, so that at least 2,048 ids fit before time is borrowed. */
const counterSeedMax = 0x800;

function bits24(random: () => number): string {
  const bits = Math.floor(random() * 0x1000000);
  return hexDigits(bits >> 12) + hexDigits(bits & 0xfff);
}

/** Twelve bits as three hexadecimal digits, looked up: an id is made for each call that is logged. */
function hexDigits(bits: number): string {
  return threeDigits[bits] ?? "";
}

const threeDigits: readonly string[] = Array.from({ length: 0x1000 }, (_, bits) => bits.toString(16).padStart(3, "0"));
