import type { Clock } from "@parley/rpc";
import { LRUCache } from "lru-cache";

export interface FailedLoginsOptions {
  readonly clock: Clock;
  /** Failures in a row that cost no wait: people mistype. */
  readonly freeFailures: number;
  /** The wait after the first failure that costs one. It doubles with each further one. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** After so long without a try, failures are forgotten. */
  readonly forgetAfterMs: number;
  /** The most keys remembered; beyond that the key whose last failure is the oldest is evicted. */
  readonly keysMax: number;
}

/** Counts failed sign-ins by key (an account, an address) and makes the next one wait. */
export interface FailedLogins {
  /** How long the key must wait before another try, in milliseconds. 0: not at all. */
  waitMs(key: string): number;
  /** Counts a try as failed. Do so before it is checked: tries that run side by side must not all be free. */
  failed(key: string): void;
  /** Takes one failure back: the try succeeded after all. */
  succeeded(key: string): void;
  /** Forgets the key's failures. */
  forget(key: string): void;
}

interface Failures {
  readonly count: number;
  readonly lastMs: number;
}

export function createFailedLogins(options: FailedLoginsOptions): FailedLogins {
  const { clock, freeFailures, firstWaitMs, longestWaitMs, forgetAfterMs, keysMax } = options;
  const byKey = new LRUCache<string, Failures>({ max: keysMax });

  function find(key: string): Failures | undefined {
    const failures = byKey.peek(key);
    if (failures !== undefined && clock.monotonic() - failures.lastMs >= forgetAfterMs) {
      byKey.delete(key);
      return undefined;
    }
    return failures;
  }

  return {
    waitMs(key) {
      const failures = find(key);
      if (failures === undefined || failures.count <= freeFailures) {
        return 0;
      }
      const waitMs = Math.min(firstWaitMs * 2 ** (failures.count - freeFailures - 1), longestWaitMs);
      return Math.max(0, failures.lastMs + waitMs - clock.monotonic());
    },
    failed(key) {
      const count = (find(key)?.count ?? 0) + 1;
      byKey.set(key, { count, lastMs: clock.monotonic() });
    },
    succeeded(key) {
      const failures = find(key);
      if (failures !== undefined && failures.count > 1) {
        byKey.set(key, { ...failures, count: failures.count - 1 });
      } else {
        byKey.delete(key);
      }
    },
    forget(key) {
      byKey.delete(key);
    },
  };
}
