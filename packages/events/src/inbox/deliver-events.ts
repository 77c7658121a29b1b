import type { Event } from "@parley/gen/event/v1/event_pb.js";
import { StoreUnavailableError, type Transaction } from "@parley/store";
import type { EventMetrics } from "../event-metrics.ts";
import { createEffectSpans } from "./effect-spans.ts";
import { handlerOf } from "./event-handler.ts";
import { createFailedAttempts } from "./failed-attempts.ts";
import { causeOf } from "./failure-cause.ts";
import type { FailedDelivery, InboxOptions } from "./inbox.ts";
import { markReceived } from "./received-marks.ts";

export interface DeliverEventsOptions extends Pick<InboxOptions, "database" | "environment" | "handlers"> {
  readonly maxAttempts: number;
  readonly metrics: EventMetrics;
}

/** An event with a handler. */
interface Wanted {
  readonly event: Event;
  /** The trace context of its effect. */
  readonly traceparent: string | undefined;
  readonly handle: (transaction: Transaction) => Promise<void>;
}

/** Creates `deliver` of an inbox. */
export function createDeliverEvents(options: DeliverEventsOptions) {
  const { database, environment, handlers, metrics } = options;
  const { clock } = environment;
  const failedAttempts = createFailedAttempts(options);
  const effects = environment.recorder && createEffectSpans(environment.recorder, clock);

  async function deliver(events: readonly Event[]): Promise<readonly FailedDelivery[]> {
    const wanted = events.flatMap((event) => {
      const traceparent = effects?.traceparentOf(event);
      const handle = handlerOf(handlers, event, traceparent);
      return handle === undefined ? [] : [{ event, handle, traceparent }];
    });
    try {
      await takeEffect(wanted);
      return [];
    } catch (error) {
      if (wanted.length > 1 && !(error instanceof StoreUnavailableError)) {
        return await deliverSeparately(wanted);
      }
      return await failures(wanted, error);
    }
  }

  /** Handles the events in one transaction, in order, all or none. */
  async function takeEffect(wanted: readonly Wanted[]): Promise<void> {
    if (wanted.length === 0) {
      return;
    }
    const events = wanted.map(({ event }) => event);
    const startMs = clock.monotonic();
    const newCount = await database.transaction(async (transaction) => {
      const count = await markReceived(transaction, events, clock.now());
      if (count === wanted.length) {
        for (const { handle } of wanted) {
          await handle(transaction);
        }
      } else if (count > 0) {
        // The outcome is unknown, so it is also unknown which of them are new.
        throw new SomeRepeatedError();
      }
      return count;
    });
    if (newCount > 0) {
      effects?.record(wanted, { startMs });
    }
    metrics.received.inc(newCount);
    metrics.repeated.inc(wanted.length - newCount);
  }

  /** Handles the events of a batch in separate transactions, after one failed or was repeated. Keys are handled concurrently. */
  async function deliverSeparately(wanted: readonly Wanted[]): Promise<readonly FailedDelivery[]> {
    const keys = Map.groupBy(wanted, ({ event }) => `${event.source}\0${event.partitionKey}`);
    return (await Promise.all([...keys.values()].map(deliverInOrder))).flat();
  }

  async function deliverInOrder(wanted: readonly Wanted[]): Promise<readonly FailedDelivery[]> {
    for (const [index, one] of wanted.entries()) {
      try {
        await takeEffect([one]);
      } catch (error) {
        const [failure] = await failures([one], error);
        if (failure !== undefined) {
          const cause = `waits for event ${failure.eventId} of its key`;
          return [failure, ...wanted.slice(index + 1).map(({ event }) => ({ eventId: event.id, cause }))];
        }
      }
    }
    return [];
  }

  /** The failures to return for events that failed together: none for one that became a dead letter. */
  async function failures(wanted: readonly Wanted[], error: unknown): Promise<readonly FailedDelivery[]> {
    effects?.record(wanted, { startMs: clock.monotonic(), error });
    if (error instanceof StoreUnavailableError) {
      // The service's own database failed, not the events: it does not count as an attempt.
      return wanted.map(({ event }) => ({ eventId: event.id, cause: causeOf(error) }));
    }
    const failed = await Promise.all(wanted.map(({ event }) => failedAttempts.note(event, error)));
    return failed.filter((failure) => failure !== undefined);
  }

  return deliver;
}

/** Some events of a batch are new and some are repeats: each must be handled in its own transaction. */
class SomeRepeatedError extends Error {}
