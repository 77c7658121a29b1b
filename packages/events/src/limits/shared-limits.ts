export interface LimitsOptions {
  /** How long a caller waits for the shared counters before it counts locally, in milliseconds. Default: 250. */
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
   * Runs a script, atomically among those of all replicas. Undefined if the store is unavailable: the caller then counts locally. Never throws. Takes
   * at most {@link LimitsOptions.commandTimeoutMs}.
   */
  run(script: LimitScript): Promise<unknown>;
  /** The name of a counter. A hash, so that the store contains neither e-mail addresses nor network addresses. */
  keyOf(kind: string, name: string): string;
  close(): void;
}
