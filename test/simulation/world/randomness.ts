/** Deterministic pseudo-random numbers: the same seed gives the same numbers. */
export interface Randomness {
  /** From 0 up to but not including 1. */
  next(): number;
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the values. Throws if there is none. */
  pick<T>(values: readonly T[]): T;
  /** An independent source: the draws of one part of a simulation do not change those of another. */
  fork(name: string): Randomness;
}

/** Creates a generator from a seed: sfc32 (PractRand, Chris Doty-Humphrey), with its state initialized by splitmix32. */
export function createRandomness(seed: number): Randomness {
  let spread = seed | 0;
  const word = () => {
    spread = (spread + 0x9e3779b9) | 0;
    let mixed = spread ^ (spread >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  let [a, b, c, counter] = [word(), word(), word(), 1];

  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4_294_967_296;
  }

  return {
    next,
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    chance: (probability) => next() < probability,
    pick(values) {
      const index = Math.floor(next() * values.length);
      if (index >= values.length) throw new RangeError("There is nothing to pick from.");
      return values[index] as (typeof values)[number];
    },
    fork: (name) => createRandomness(hashOf(name, seed)),
  };
}

/** A 32-bit hash of a text (FNV-1a over UTF-16 units), starting from `begin`. */
export function hashOf(text: string, begin = 0): number {
  let hash = 0x811c9dc5 ^ begin;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
