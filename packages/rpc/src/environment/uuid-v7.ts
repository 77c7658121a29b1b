import type { Clock } from "./clock.ts";
import { writeHex } from "./hex-digits.ts";

/**
 * Creates ids: UUIDv7 (RFC 9562, section 5.7), 48 bits of milliseconds and then randomness, with the counter of section 6.2,
 * method 1, so that the ids of one source sort in creation order even within a millisecond.
 */
export function newUuidV7({ clock, random }: { readonly clock: Clock; readonly random: () => number }): () => string {
  const text = Buffer.from("00000000-0000-7000-8000-000000000000", "latin1");
  let lastMs = 0;
  let counter = 0;
  let writtenMs = Number.NaN;
  return () => {
    const nowMs = clock.now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      counter = Math.floor(random() * counterSeedMax);
    } else if (++counter > counterMax) {
      // The counter overflowed, or the clock was set back: borrow the next millisecond.
      lastMs++;
      counter = 0;
    }
    if (lastMs !== writtenMs) {
      writtenMs = lastMs;
      writeHex(text, Math.floor(lastMs / 0x10000), timeHigh);
      writeHex(text, lastMs % 0x10000, timeLow);
    }
    writeHex(text, counter, counterPlace);
    writeHex(text, 0x8000 | Math.floor(random() * 0x4000), variant);
    writeHex(text, Math.floor(random() * 0x1000000), randomHigh);
    writeHex(text, Math.floor(random() * 0x1000000), randomLow);
    return text.toString("latin1");
  };
}

const timeHigh = { at: 0, digits: 8 };
const timeLow = { at: 9, digits: 4 };
const counterPlace = { at: 15, digits: 3 };
const variant = { at: 19, digits: 4 };
const randomHigh = { at: 24, digits: 6 };
const randomLow = { at: 30, digits: 6 };

/** The counter has the 12 bits of `rand_a`. */
const counterMax = 0xfff;

/** A millisecond's counter starts in the lower half, so that at least 2,048 ids fit before time is borrowed. */
const counterSeedMax = 0x800;
