import type { SharedLimits } from "@parley/events/limits";
import type { Clock } from "@parley/rpc";
import { LRUCache } from "lru-cache";

/** The requests of one caller in the current window. */
export interface RateCount {
  /** This request included. */
  readonly current: number;
  /** Until the window ends, in milliseconds. */
  readonly remainingMs: number;
}

export interface CallerRateOptions {
  readonly clock: Clock;
  readonly windowMs: number;
  /** Counts with all replicas. Without it, or while it is unavailable, each replica counts alone. */
  readonly shared?: SharedLimits | undefined;
}

/** The most callers in memory, about 10 MB. Beyond that the least recently seen caller is evicted. */
const callersMax = 50_000;
/**
 * Counts are exchanged with the other replicas after this time, so that no request waits for it. Until then a caller may exceed its limit by what it
 * sends to the other replicas meanwhile.
 */
const exchangeIntervalMs = 100;
/** The most callers of one exchange. Others follow with the next one. */
const exchangedMax = 1_000;

interface Window {
  current: number;
  endMs: number;
  /** The part of `current` that was not exchanged yet. */
  own: number;
}

/** Counts requests by caller in fixed windows, for REST and RPC together. */
export class CallerRate {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #shared: SharedLimits | undefined;
  readonly #windows = new LRUCache<string, Window>({ max: callersMax });
  /** The callers with requests that were not exchanged yet. At most {@link callersMax}. */
  readonly #pending = new Set<string>();
  #isExchanging = false;

  constructor({ clock, windowMs, shared }: CallerRateOptions) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#shared = shared;
  }

  /** Counts a request. */
  count(caller: string): RateCount {
    const nowMs = this.#clock.monotonic();
    let window = this.#windows.get(caller);
    if (window === undefined || window.endMs <= nowMs) {
      window = { current: 0, endMs: nowMs + this.#windowMs, own: 0 };
      this.#windows.set(caller, window);
    }
    window.current++;
    if (this.#shared !== undefined && this.#pending.size < callersMax) {
      window.own++;
      this.#pending.add(caller);
      this.#exchangeSoon(this.#shared);
    }
    return { current: window.current, remainingMs: window.endMs - nowMs };
  }

  #exchangeSoon(shared: SharedLimits): void {
    if (this.#isExchanging) {
      return;
    }
    this.#isExchanging = true;
    this.#clock.after(exchangeIntervalMs, async () => {
      await this.#exchange(shared);
      this.#isExchanging = false;
      if (this.#pending.size > 0) {
        this.#exchangeSoon(shared);
      }
    });
  }

  /** Adds the local counts to the shared counters, and adopts the totals. While the store is unavailable, the windows remain unchanged. */
  async #exchange(shared: SharedLimits): Promise<void> {
    const sent: { readonly window: Window; readonly caller: string; readonly own: number }[] = [];
    for (const caller of this.#pending) {
      if (sent.length === exchangedMax) break;
      this.#pending.delete(caller);
      // An evicted caller has no window.
      const window = this.#windows.peek(caller);
      if (window !== undefined) sent.push({ window, caller, own: window.own });
    }
    if (sent.length === 0) {
      return;
    }
    const answer = await shared.run({
      script: exchangeScript,
      keys: sent.map(({ caller }) => shared.keyOf("rate", caller)),
      values: [this.#windowMs, ...sent.map(({ own }) => own)],
    });
    if (!Array.isArray(answer)) {
      return;
    }
    const nowMs = this.#clock.monotonic();
    for (const [index, { window, own }] of sent.entries()) {
      window.own -= own;
      window.current = Number(answer[2 * index]) + window.own;
      window.endMs = nowMs + Number(answer[2 * index + 1]);
    }
  }
}

/** Increments each counter, which expires with its window. Returns the value and the remaining time in milliseconds of each. */
const exchangeScript = `
local counts = {}
for i, key in ipairs(KEYS) do
  counts[2 * i - 1] = redis.call('INCRBY', key, ARGV[i + 1])
  local left = redis.call('PTTL', key)
  if left < 0 then
    left = tonumber(ARGV[1])
    redis.call('PEXPIRE', key, left)
  end
  counts[2 * i] = left
end
return counts`;
