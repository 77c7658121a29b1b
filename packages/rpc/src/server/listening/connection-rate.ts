/** The number of buckets. Above it the oldest is evicted, and its address group starts again with a full bucket. */
const addressesMax = 10_000;

interface Bucket {
  left: number;
  atMs: number;
}

/**
 * Limits the rate of new connections with a token bucket for each address group; the bucket holds those of a second. To accept and reset a connection costs a third of serving
 * it. So during a flood there is time left for the connections of others in the kernel's accept queue.
 */
export class ConnectionRate {
  readonly #perSecondMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecondMax: number) {
    this.#perSecondMax = perSecondMax;
  }

  /** Counts a connection. True if it exceeds the rate. */
  exceeds(group: string, nowMs: number): boolean {
    const most = this.#perSecondMax;
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
