import type { Clock } from "@parley/rpc";
import type { Database } from "@parley/store";
import { markDone } from "./outbox.ts";

/**
 * How long a mark may wait for others to be written with it. Each write of its own makes the service's calls wait for the disk, and
 * a mark that a crash takes away costs one more delivery, which the inbox ignores.
 */
const marksDelayMs = 50;
/** Marks that wait at most: what the batches in flight can hold. With so many, waiting longer would save nothing. */
const marksWaitingMax = 400;

/** Writes down that events are done, many at a time. */
export interface DoneMarks {
  /** Resolves when the mark of each is durable. */
  mark(sequences: readonly number[]): Promise<void>;
  /** Writes what waits, and from now on everything, at once. */
  hurry(): void;
}

export function createDoneMarks({
  database,
  clock,
}: {
  readonly database: Database;
  readonly clock: Clock;
}): DoneMarks {
  let sequences: number[] = [];
  let written = Promise.withResolvers<void>();
  let cancel: (() => void) | undefined;
  let hurrying = false;

  function write() {
    cancel?.();
    cancel = undefined;
    if (sequences.length > 0) {
      markDone(database, sequences).then(written.resolve, written.reject);
      sequences = [];
      written = Promise.withResolvers();
    }
  }

  return {
    mark(more) {
      if (more.length === 0) {
        return Promise.resolve();
      }
      sequences.push(...more);
      const { promise } = written;
      if (hurrying || sequences.length >= marksWaitingMax) {
        write();
      } else {
        cancel ??= clock.after(marksDelayMs, write);
      }
      return promise;
    },
    hurry() {
      hurrying = true;
      write();
    },
  };
}
