import type { Clock } from "@parley/rpc";

const pauseFirstMs = 1_000;
/** The longest time that mail waits after the channel is back. */
const pauseLastMs = 60_000;

/** The backoff of a channel that cannot be used. While it is down, one message at a time is sent as a probe. */
export class ChannelPause {
  readonly #clock: Clock;
  readonly #random: () => number;
  #failures = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Whether the last attempt found the channel down. */
  get isDown(): boolean {
    return this.#failures > 0;
  }

  /** The time until the next attempt; 0 if the channel may be used. */
  waitMs(): number {
    return Math.max(0, this.#untilMs - this.#clock.monotonic());
  }

  /** The channel could not be used: the wait doubles, up to a minute, with 20 % jitter. Concurrent attempts count once. */
  failed(): void {
    if (this.waitMs() === 0) {
      const waitMs = Math.min(pauseFirstMs * 2 ** Math.min(this.#failures, 30), pauseLastMs);
      this.#failures++;
      this.#untilMs = this.#clock.monotonic() + waitMs * (0.8 + 0.4 * this.#random());
    }
  }

  /** The channel could be used. */
  worked(): void {
    this.#failures = 0;
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }
}
