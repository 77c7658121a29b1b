import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { EventMetrics } from "../event-metrics.ts";
import { insertDeadLetter } from "./dead-letters.ts";
import { causeOf } from "./failure-cause.ts";
import type { FailedDelivery, InboxOptions } from "./inbox.ts";
import { markReceived } from "./received-marks.ts";

export interface FailedTriesOptions extends Pick<InboxOptions, "database" | "environment"> {
  readonly maxAttempts: number;
  readonly metrics: EventMetrics;
}

/** Counts the tries of events that fail, and puts those aside that failed as often as is allowed. */
export function createFailedTries({ database, environment, maxAttempts, metrics }: FailedTriesOptions) {
  const { clock, log } = environment;

  /** The failure to be answered, so that the event is given again. Undefined if it was put aside. */
  async function note(event: Event, error: unknown): Promise<FailedDelivery | undefined> {
    const failure = { eventId: event.id, cause: causeOf(error) };
    try {
      const attempts = await record(event, failure.cause);
      const about = { eventId: event.id, eventType: event.type, attempts, err: error };
      if (attempts < maxAttempts) {
        log.warn(about, "an event failed and will be tried again");
        return failure;
      }
      metrics.deadLettered.inc();
      log.error(about, "an event was put to the dead letters");
      return undefined;
    } catch (recordError) {
      log.error({ eventId: event.id, err: recordError }, "the failure of an event could not be written down");
      return failure;
    }
  }

  /** With the last try, puts the event aside in the same transaction as its mark. The tries so far. */
  function record(event: Event, cause: string): Promise<number> {
    return database.transaction(async (transaction) => {
      const nowMs = clock.now();
      const row = await transaction.get<{ attempts: number }>(
        `INSERT INTO inbox_failures (source, event_id, attempts, cause, fail_time) VALUES (?, ?, 1, ?, ?)
         ON CONFLICT (source, event_id) DO UPDATE SET attempts = inbox_failures.attempts + 1, cause = excluded.cause, fail_time = excluded.fail_time
         RETURNING attempts`,
        event.source,
        event.id,
        cause,
        nowMs,
      );
      const attempts = row?.attempts ?? 1;
      if (attempts >= maxAttempts) {
        await transaction.run("DELETE FROM inbox_failures WHERE source = ? AND event_id = ?", event.source, event.id);
        if ((await markReceived(transaction, [event], nowMs)) === 1) {
          await insertDeadLetter(transaction, event, { cause, attempts, createTimeMs: nowMs });
        }
      }
      return attempts;
    });
  }

  return { note };
}
