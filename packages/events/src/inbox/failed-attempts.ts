import type { Event } from "@parley/gen/event/v1/event_pb.js";
import { storableText } from "@parley/store";
import type { EventMetrics } from "../event-metrics.ts";
import { insertDeadLetter } from "./dead-letters.ts";
import { causeOf } from "./failure-cause.ts";
import type { FailedDelivery, InboxOptions } from "./inbox.ts";
import { isReceived, markReceived } from "./received-marks.ts";

export interface FailedAttemptsOptions extends Pick<InboxOptions, "database" | "environment"> {
  readonly maxAttempts: number;
  readonly metrics: EventMetrics;
}

/** Counts the attempts of failing events, and dead-letters those that failed `maxAttempts` times. */
export function createFailedAttempts({ database, environment, maxAttempts, metrics }: FailedAttemptsOptions) {
  const { clock, log } = environment;

  /** The failure to return, so that the event is delivered again. Undefined if it was dead-lettered. */
  async function note(event: Event, error: unknown): Promise<FailedDelivery | undefined> {
    const failure = { eventId: event.id, cause: causeOf(error) };
    try {
      const attempts = await record(event, failure.cause);
      if (attempts === undefined) {
        return undefined;
      }
      const about = { eventId: event.id, eventType: event.type, attempts, err: error };
      if (attempts < maxAttempts) {
        log.warn(about, "event failed, will be retried");
        return failure;
      }
      metrics.deadLettered.inc();
      log.error(about, "event dead-lettered");
      return undefined;
    } catch (recordError) {
      log.error({ eventId: event.id, err: recordError }, "the failure of an event could not be recorded");
      return failure;
    }
  }

  /**
   * After the last attempt, dead-letters the event in the same transaction as its mark. Returns the attempts so far, or undefined if another
   * delivery of the event settled it at the same time: it was handled, or is a dead letter.
   */
  function record(event: Event, cause: string): Promise<number | undefined> {
    const key = [storableText(event.source), storableText(event.id)] as const;
    return database.transaction(async (transaction) => {
      const nowMs = clock.now();
      const row = await transaction.get<{ attempts: number }>(
        `INSERT INTO inbox_failures (source, event_id, attempts, cause, fail_time) VALUES (?, ?, 1, ?, ?)
         ON CONFLICT (source, event_id) DO UPDATE SET attempts = inbox_failures.attempts + 1, cause = excluded.cause, fail_time = excluded.fail_time
         RETURNING attempts`,
        ...key,
        cause,
        nowMs,
      );
      const attempts = row?.attempts ?? 1;
      if (attempts >= maxAttempts) {
        await transaction.run("DELETE FROM inbox_failures WHERE source = ? AND event_id = ?", ...key);
        if ((await markReceived(transaction, [event], nowMs)) === 0) {
          return undefined;
        }
        await insertDeadLetter(transaction, event, { cause, attempts, createTimeMs: nowMs });
      } else if (await isReceived(transaction, event)) {
        await transaction.run("DELETE FROM inbox_failures WHERE source = ? AND event_id = ?", ...key);
        return undefined;
      }
      return attempts;
    });
  }

  return { note };
}
