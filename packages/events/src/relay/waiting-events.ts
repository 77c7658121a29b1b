import type { WaitingEvent } from "../event-log.ts";

/** A key whose events wait. */
interface WaitingKey {
  /** In order. */
  events: WaitingEvent[];
  /** Sent to the broker, outcome unknown yet. */
  inFlight: boolean;
  /** Consecutive failures. */
  failures: number;
  /** Not published before, in milliseconds of the monotonic clock. */
  notBeforeMs: number;
  /** Its first event was sent alone and its outcome is unknown: it is sent alone again, so that it cannot fail others. */
  suspect: boolean;
}

/**
 * The waiting events in a relay's memory, by key. At most one batch of a key is in flight, and no event overtakes a failed
 * one of its key; other keys continue.
 */
export class WaitingEvents {
  readonly #keys = new Map<string, WaitingKey>();
  readonly #sequences = new Set<number>();
  readonly #backoffMs: (failures: number) => number;

  constructor({ backoffMs }: { readonly backoffMs: (failures: number) => number }) {
    this.#backoffMs = backoffMs;
  }

  get size(): number {
    return this.#sequences.size;
  }

  /** Adds an event, after the earlier ones of the log; a known one is ignored. */
  add(event: WaitingEvent): void {
    if (this.#sequences.has(event.sequence)) {
      return;
    }
    this.#sequences.add(event.sequence);
    const key = this.#keys.get(event.key);
    if (key === undefined) {
      this.#keys.set(event.key, newKey(event));
    } else {
      key.events.push(event);
    }
  }

  /** Up to `limit` events that may be sent now, those of one key in order. They are in flight until `settle`. */
  take(limit: number, nowMs: number): readonly WaitingEvent[] {
    const batch: WaitingEvent[] = [];
    for (const key of this.#keys.values()) {
      if (batch.length >= limit) {
        break;
      }
      if (key.inFlight || key.notBeforeMs > nowMs) {
        continue;
      }
      if (key.suspect) {
        if (batch.length === 0) {
          key.inFlight = true;
          return key.events.slice(0, 1);
        }
        continue;
      }
      key.inFlight = true;
      batch.push(...key.events.slice(0, limit - batch.length));
    }
    return batch;
  }

  /** The events of a batch that took effect: all but the failed ones and later ones of their keys. */
  succeeded(batch: readonly WaitingEvent[], isFailed: (event: WaitingEvent) => boolean): readonly WaitingEvent[] {
    const failedKeys = new Set<string>();
    return batch.filter((event) => {
      if (isFailed(event)) {
        failedKeys.add(event.key);
      }
      return !failedKeys.has(event.key);
    });
  }

  /** Ends a batch: drops done events, and delays the keys with failed events. */
  settle(batch: readonly WaitingEvent[], done: readonly WaitingEvent[], nowMs: number): void {
    const doneSequences = new Set(done.map((event) => event.sequence));
    const failedKeys = new Set(batch.filter((event) => !doneSequences.has(event.sequence)).map((event) => event.key));
    for (const name of new Set(batch.map((event) => event.key))) {
      const key = this.#keys.get(name);
      if (key === undefined) {
        continue;
      }
      key.inFlight = false;
      key.suspect = false;
      key.events = key.events.filter((event) => !doneSequences.has(event.sequence));
      key.failures = failedKeys.has(name) ? key.failures + 1 : 0;
      key.notBeforeMs = failedKeys.has(name) ? nowMs + this.#backoffMs(key.failures) : 0;
      if (key.events.length === 0) {
        this.#keys.delete(name);
      }
    }
    for (const sequence of doneSequences) {
      this.#sequences.delete(sequence);
    }
  }

  /** Returns a batch unchanged, since its outcome is unknown. The key of an event that was sent alone is delayed for a while. */
  putBack(batch: readonly WaitingEvent[], holdMs: (failures: number) => number, nowMs: number): void {
    for (const event of batch) {
      const key = this.#keys.get(event.key);
      if (key !== undefined) {
        key.inFlight = false;
        if (batch.length === 1) {
          key.suspect = true;
          key.failures++;
          key.notBeforeMs = nowMs + holdMs(key.failures);
        }
      }
    }
  }

  /** Drops events that are not in flight and not of these partitions: another replica publishes them. */
  keepPartitions(partitions: ReadonlySet<number>): void {
    for (const [name, key] of this.#keys) {
      const partition = key.events[0]?.partition;
      if (!key.inFlight && partition !== undefined && !partitions.has(partition)) {
        this.#keys.delete(name);
        for (const event of key.events) {
          this.#sequences.delete(event.sequence);
        }
      }
    }
  }

  /** When the next delayed key may be sent, or undefined if none is. */
  nextDueMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const key of this.#keys.values()) {
      if (!key.inFlight && key.notBeforeMs > nowMs && (next === undefined || key.notBeforeMs < next)) {
        next = key.notBeforeMs;
      }
    }
    return next;
  }
}

function newKey(event: WaitingEvent): WaitingKey {
  return { events: [event], inFlight: false, failures: 0, notBeforeMs: 0, suspect: false };
}
