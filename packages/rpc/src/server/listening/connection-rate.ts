/** Addresses remembered at once. The one that connected first gives way: it starts anew, with a burst. */
const addressesMax = 10_000;

/** How many seconds' worth of connections may come at once. */
const burstSeconds = 2;

interface Bucket {
  left: number;
  atMs: number;
}

/**
 * How many connections an address group may open in a second, in the long run: a token bucket for each. A connection that is accepted only to be closed costs a
 * third of one that is served, so that a flood of them leaves time to accept those of others, which wait behind it in the kernel's queue.
 */
export class ConnectionRate {
  readonly #perSecondMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecondMax: number) {
    this.#perSecondMax = perSecondMax;
  }

  /** Counts a connection. Whether it is one too many. */
  exceeds(group: string, nowMs: number): boolean {
    const most = this.#perSecondMax * burstSeconds;
    let bucket = this.#buckets.get(group);
    if (bucket === undefined) {
      this.#forgetOne();
      bucket = { left: most, atMs: nowMs };
      this.#buckets.set(group, bucket);
    }
    bucket.left = Math.min(most, bucket.left + ((nowMs - bucket.atMs) / 1_000) * this.#perSecondMax);
    bucket.atMs = nowMs;
    if (bucket.left < 1) {
      return true;
    }
    bucket.left--;
    return false;
  }

  #forgetOne(): void {
    if (this.#buckets.size >= addressesMax) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        return;
      }
    }
  }
}
