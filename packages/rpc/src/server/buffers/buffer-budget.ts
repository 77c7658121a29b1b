import type { MetricValue } from "../../telemetry/metric-family.ts";

/** Something that holds bytes which a budget counts: a connection with its unsent answers, or an unfinished body. */
export interface BufferHolder {
  /** The budget is used up, and this is to free its bytes. They count no longer. */
  evict(): void;
}

/** How many of the longest-standing holders are compared. */
const comparedMax = 8;

/**
 * The bytes that a process holds for peers which do not take or finish what they began. Where there are more than allowed, a holder is evicted: of the
 * eight that have held bytes for longest without a break the one with the most. A peer that takes its answers, and finishes its requests, holds bytes
 * for moments, and is none of those.
 */
export class BufferBudget {
  readonly #bytesMax: number;
  readonly #held: MetricValue;
  /** Those with bytes, the longest-standing first. */
  readonly #holders = new Map<BufferHolder, number>();
  #bytes = 0;

  /** `held` shows the bytes that are held. */
  constructor(bytesMax: number, held: MetricValue) {
    this.#bytesMax = bytesMax;
    this.#held = held;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** From now on the holder has so many bytes. May evict it, or others. */
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
