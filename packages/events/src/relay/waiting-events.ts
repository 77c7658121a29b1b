import type { WaitingRow } from "./outbox.ts";

/** A key whose events wait. */
interface WaitingKey {
  /** In order. */
  rows: WaitingRow[];
  /** Given to the broker, which has not answered yet. */
  inFlight: boolean;
  /** Failures one after another. */
  failures: number;
  /** Held back until then, in milliseconds of the monotonic clock. */
  notBeforeMs: number;
  /** Its first event was tried alone and nobody could tell what became of it: it goes alone again, lest it take others down. */
  suspect: boolean;
}

/**
 * The waiting events that a relay has in memory, by key. Of a key at most one batch is under way, and nothing passes an event of
 * its key that failed; other keys flow.
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

  /** Takes rows in, in order; those that it has are left as they are. */
  add(rows: readonly WaitingRow[]): void {
    for (const row of rows) {
      if (!this.#sequences.has(row.sequence)) {
        this.#sequences.add(row.sequence);
        const key = this.#keys.get(row.partition_key);
        if (key === undefined) {
          this.#keys.set(row.partition_key, newKey(row));
        } else {
          key.rows.push(row);
        }
      }
    }
  }

  /** Up to `limit` events that may go now, those of one key in order. They are under way until `settle`. */
  take(limit: number, nowMs: number): readonly WaitingRow[] {
    const batch: WaitingRow[] = [];
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
          return key.rows.slice(0, 1);
        }
        continue;
      }
      key.inFlight = true;
      batch.push(...key.rows.slice(0, limit - batch.length));
    }
    return batch;
  }

  /** The events of a batch whose effect is sure: all but the failed ones and what follows one in its key. */
  succeeded(batch: readonly WaitingRow[], isFailed: (row: WaitingRow) => boolean): readonly WaitingRow[] {
    const failedKeys = new Set<string>();
    return batch.filter((row) => {
      if (isFailed(row)) {
        failedKeys.add(row.partition_key);
      }
      return !failedKeys.has(row.partition_key);
    });
  }

  /** Ends a batch: forgets what is done, and holds back the keys that have failed events. */
  settle(batch: readonly WaitingRow[], done: readonly WaitingRow[], nowMs: number): void {
    const doneSequences = new Set(done.map((row) => row.sequence));
    const failedKeys = new Set(batch.filter((row) => !doneSequences.has(row.sequence)).map((row) => row.partition_key));
    for (const name of new Set(batch.map((row) => row.partition_key))) {
      const key = this.#keys.get(name);
      if (key === undefined) {
        continue;
      }
      key.inFlight = false;
      key.suspect = false;
      key.rows = key.rows.filter((row) => !doneSequences.has(row.sequence));
      key.failures = failedKeys.has(name) ? key.failures + 1 : 0;
      key.notBeforeMs = failedKeys.has(name) ? nowMs + this.#backoffMs(key.failures) : 0;
      if (key.rows.length === 0) {
        this.#keys.delete(name);
      }
    }
    for (const sequence of doneSequences) {
      this.#sequences.delete(sequence);
    }
  }

  /** Gives a batch back as it was, since nobody could tell what became of it. An event that went alone is held back for a while. */
  putBack(batch: readonly WaitingRow[], holdMs: (failures: number) => number, nowMs: number): void {
    for (const row of batch) {
      const key = this.#keys.get(row.partition_key);
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

  /** Forgets what is not under way and not of these partitions: another replica publishes it. */
  keepPartitions(partitions: ReadonlySet<number>): void {
    for (const [name, key] of this.#keys) {
      const partition = key.rows[0]?.partition_number;
      if (!key.inFlight && partition !== undefined && !partitions.has(partition)) {
        this.#keys.delete(name);
        for (const row of key.rows) {
          this.#sequences.delete(row.sequence);
        }
      }
    }
  }

  /** When the next key that is held back may go, or undefined if none is. */
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

function newKey(row: WaitingRow): WaitingKey {
  return { rows: [row], inFlight: false, failures: 0, notBeforeMs: 0, suspect: false };
}
