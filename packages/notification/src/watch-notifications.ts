import { createWakeUp } from "@parley/events";
import type { Clock } from "@parley/rpc";
import type { Database } from "@parley/store";
import { InvalidPositionError } from "./notification-errors.ts";
import {
  lastSequence,
  type NotificationFilter,
  readNotifications,
  type StoredNotification,
} from "./notification-store.ts";

/** The most notifications read at once, and so in the memory of a slow watcher. */
const batchMax = 100;
/** Reads at this interval even without a wake-up: another replica may have inserted notifications. */
const pollIntervalMs = 1_000;

export interface WatchSource {
  readonly database: Database;
  readonly clock: Clock;
  /** Calls back when notifications became durable. The result unsubscribes. */
  readonly onWritten: (callback: () => void) => () => void;
}

export interface WatchRequest {
  readonly filter: NotificationFilter;
  /** The last received position. Empty: from now on. */
  readonly afterPosition: string;
  readonly signal: AbortSignal;
}

/** Notifications after a position, in the order of their insertion, and then each new one. */
export async function* watchNotifications(
  { filter, afterPosition, signal }: WatchRequest,
  { database, clock, onWritten }: WatchSource,
): AsyncGenerator<StoredNotification> {
  const wakeUp = createWakeUp(clock);
  const unsubscribe = onWritten(wakeUp.wake);
  signal.addEventListener("abort", wakeUp.close, { once: true });
  try {
    const newest = await lastSequence(database);
    let at = afterPosition === "" ? newest : readPosition(afterPosition, newest);
    while (!signal.aborted) {
      wakeUp.reset();
      const batch = await readNotifications(database, { filter, afterSequence: at, limit: batchMax });
      for (const stored of batch) {
        yield stored;
        at = stored.sequence;
      }
      if (batch.length < batchMax && !signal.aborted) {
        await wakeUp.wait(pollIntervalMs);
      }
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", wakeUp.close);
  }
}

/** The position of a notification in the stream. */
export function positionOf({ sequence }: StoredNotification): string {
  return `n${sequence}`;
}

function readPosition(position: string, newest: number): number {
  const sequence = Number(/^n(0|[1-9]\d{0,14})$/.exec(position)?.[1]);
  // A position beyond the newest was issued by another database.
  if (Number.isNaN(sequence) || sequence > newest) {
    throw new InvalidPositionError(
      "`after_position` is not a position of this stream. Send the `position` of the last message received, or leave it out.",
    );
  }
  return sequence;
}
