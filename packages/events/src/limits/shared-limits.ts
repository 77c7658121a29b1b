export interface LimitsOptions {
  /** How long a caller waits for the shared counters before it counts alone, in milliseconds. Default: 250. */
  readonly commandTimeoutMs?: number;
}

/** A Lua script with its keys and values. */
export interface LimitScript {
  readonly script: string;
  readonly keys: readonly string[];
  readonly values: readonly (string | number)[];
}

/** Counters that all replicas share. */
export interface SharedLimits {
  /**
   * Runs a script, as one step among those of all replicas. Undefined if that is not possible now: the caller then counts by itself. Never throws, and
   * takes at most a quarter of a second.
   */
  run(script: LimitScript): Promise<unknown>;
  /** The name of a counter. A hash: the store gets to know neither e-mail addresses nor the network addresses of callers. */
  keyOf(kind: string, name: string): string;
  close(): void;
}
