import type { MetricValue } from "../../telemetry/metric-family.ts";

/** A holder of counted bytes: a connection with unsent responses, or an incomplete request body. */
export interface BufferHolder {
  /** The budget is exceeded: the holder must free its bytes. The budget no longer counts them. */
  evict(): void;
}

/** The number of oldest holders that are compared for eviction. */
const comparedMax = 8;

/**
 * Limits the bytes that a process buffers for slow peers. Above the limit it evicts a holder: of the eight that have held bytes for longest
 * without a break, the one with the most bytes. A peer that reads its responses, and completes its requests, soon holds no bytes again, so it
 * is rarely among these eight.
 */
export class BufferBudget {
  readonly #bytesMax: number;
  readonly #held: MetricValue;
  /** The holders with bytes, the oldest first. */
  readonly #holders = new Map<BufferHolder, number>();
  #bytes = 0;

  /** `held`: the metric of the buffered bytes. */
  constructor(bytesMax: number, held: MetricValue) {
    this.#bytesMax = bytesMax;
    this.#held = held;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sets the bytes of a holder. May evict it, or others. */
  hold(holder: BufferHolder, bytes: number): void {
    const more = bytes - (this.#holders.get(holder) ?? 0);
    if (more === 0) {
      return;
    }
    if (bytes > 0) {
      this.#holders.set(holder, bytes);
    } else {
      this.#holders.delete(holder);
    }
    this.#count(more);
    while (more > 0 && this.#bytes > this.#bytesMax) {
      this.#evict();
    }
  }

  #evict(): void {
    let victim: BufferHolder | undefined;
    let most = 0;
    let compared = 0;
    for (const [holder, bytes] of this.#holders) {
      if (bytes > most) {
        victim = holder;
        most = bytes;
      }
      if (++compared === comparedMax) {
        break;
      }
    }
    if (victim !== undefined) {
      this.#holders.delete(victim);
      this.#count(-most);
      victim.evict();
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#held.value += bytes;
  }
}
