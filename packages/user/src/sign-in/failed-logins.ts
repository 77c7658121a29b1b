import type { Clock } from "@parley/rpc";
import { LRUCache } from "lru-cache";

export interface FailedLoginsOptions {
  readonly clock: Clock;
  /** Consecutive failures without a wait: people mistype. */
  readonly freeFailures: number;
  /** The wait after the next failure. It doubles with each further one. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** After this time without an attempt, failures are dropped. */
  readonly forgetAfterMs: number;
  /** The most keys; beyond that the key whose last failure is the oldest is evicted. */
  readonly keysMax: number;
}

/** Counts failed sign-ins by key (an account, an address) and delays the next one. */
export interface FailedLogins {
  /** The time until the key's next attempt, in milliseconds. 0: none. */
  waitMs(key: string): number;
  /** Counts an attempt as failed. Call it before the check: concurrent attempts must not all be free. */
  failed(key: string): void;
  /** Removes one failure: the attempt succeeded. */
  succeeded(key: string): void;
  /** Drops the key's failures. */
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
