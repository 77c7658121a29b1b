import type { Clock } from "../../../environment/clock.ts";
import { type Endpoint, endpointName } from "./endpoint.ts";
import type { Target } from "./target.ts";

/** The shortest time between two resolutions of a name, in milliseconds, whatever its TTL and the number of lost connections. */
export const resolveIntervalMinMs = 1000;

export interface AddressWatchOptions {
  readonly clock: Clock;
  /** The longest time between two resolutions, in milliseconds. A shorter TTL makes it shorter. */
  readonly intervalMs: number;
  /** A resolution succeeded, with or without a change. */
  readonly onResolved?: () => void;
  /** The addresses, at first and whenever they have changed. Never empty. */
  readonly onAddresses: (endpoints: readonly Endpoint[]) => void;
  /** The name could not be resolved. Earlier addresses, if any, stay in use. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * The addresses of a target, kept up to date while it is started: a name is resolved again after its TTL or `intervalMs`, whichever is shorter, and
 * after a lost connection. A name that cannot be resolved, or that has no address, keeps its earlier addresses.
 */
export class AddressWatch {
  readonly #target: Target;
  readonly #options: AddressWatchOptions;
  #started = false;
  #resolving = false;
  #known = "";
  #endpoints: readonly Endpoint[] = [];
  #resolvedAtMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: () => void = () => {};

  constructor(target: Target, options: AddressWatchOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** The current addresses; empty until the first resolution. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  start(): void {
    if (!this.#started) {
      this.#started = true;
      if (!this.#resolving) {
        void this.#resolve();
      }
    }
  }

  /** Stops resolving until it is started again, and then reports the addresses again. */
  stop(): void {
    this.#started = false;
    this.#known = "";
    this.#cancelTimer();
  }

  /** A connection was lost or refused: the addresses may have changed. Resolves now, or as soon as allowed. */
  refresh(): void {
    if (this.#started && !this.#resolving && (this.#target.isDynamic || this.#endpoints.length === 0)) {
      const sinceMs = this.#options.clock.monotonic() - this.#resolvedAtMs;
      this.#schedule(Math.max(0, this.#intervalMinMs() - sinceMs));
    }
  }

  async #resolve(): Promise<void> {
    const { clock, intervalMs, onResolved, onAddresses, onFailed } = this.#options;
    this.#resolving = true;
    this.#cancelTimer();
    let ttlMs = this.#intervalMinMs();
    try {
      const resolution = await this.#target.resolve(clock);
      if (resolution.endpoints.length === 0) {
        throw new Error(`${this.#target.name} has no address`);
      }
      ttlMs = resolution.ttlMs;
      onResolved?.();
      if (this.#started && this.#changed(resolution.endpoints)) {
        onAddresses(this.#endpoints);
      }
    } catch (error) {
      if (this.#started) {
        onFailed(error);
      }
    }
    this.#resolving = false;
    this.#resolvedAtMs = clock.monotonic();
    if (this.#started && this.#target.isDynamic) {
      this.#schedule(Math.min(Math.max(ttlMs, this.#intervalMinMs()), intervalMs));
    }
  }

  #changed(found: readonly Endpoint[]): boolean {
    const endpoints = [...new Map(found.map((endpoint) => [endpointName(endpoint), endpoint])).entries()];
    // DNS servers rotate their records: the order is meaningless.
    const known = endpoints
      .map(([name]) => name)
      .sort()
      .join();
    if (known === this.#known) {
      return false;
    }
    this.#known = known;
    this.#endpoints = endpoints.map(([, endpoint]) => endpoint);
    return true;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(delayMs, () => void this.#resolve());
  }

  #intervalMinMs(): number {
    return Math.min(resolveIntervalMinMs, this.#options.intervalMs);
  }
}
