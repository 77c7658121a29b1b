import type { Clock } from "@parley/rpc";
import type { Database } from "@parley/store";
import { markDone } from "./outbox.ts";

/**
 * How long a mark may wait to be written with others. Each write makes the service's calls wait for the disk, and
 * a mark that a crash loses costs one more delivery, which the inbox ignores.
 */
const marksDelayMs = 50;
/** The most waiting marks: as many as the batches in flight can have. Waiting longer would save nothing. */
const marksWaitingMax = 400;

/** Marks events as done, many at a time. */
export interface DoneMarks {
  /** Resolves when the mark of each is durable. */
  mark(sequences: readonly number[]): Promise<void>;
  /** Writes waiting marks, and from now on every mark, at once. */
  flush(): void;
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
  let flushing = false;

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
      if (flushing || sequences.length >= marksWaitingMax) {
        write();
      } else {
        cancel ??= clock.after(marksDelayMs, write);
      }
      return promise;
    },
    flush() {
      flushing = true;
      write();
    },
  };
}
