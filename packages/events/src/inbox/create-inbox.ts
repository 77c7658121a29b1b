import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Environment } from "@parley/rpc";
import { type Database, StoreUnavailableError } from "@parley/store";
import { eventMetrics } from "../event-metrics.ts";
import {
  type DeadLetter,
  type DeadLetterPage,
  insertDeadLetter,
  listDeadLetters,
  readDeadLetters,
  removeDeadLetter,
  type StoredDeadLetter,
  updateDeadLetter,
} from "./dead-letters.ts";
import { type EventHandlers, handlerOf } from "./event-handler.ts";
import { causeOf } from "./failure-cause.ts";
import { inboxRetentionMs, startPruningInbox } from "./prune-inbox.ts";

export interface InboxOptions {
  /** With {@link inboxMigrations} applied. */
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "log" | "metrics">;
  readonly handlers: EventHandlers;
  /** Tries after which an event becomes a dead letter. Default: 5. */
  readonly maxAttempts?: number;
  /** How long an event that was dealt with is remembered. Default: 30 days, far longer than a source keeps trying. */
  readonly retentionMs?: number;
}

/** An event that did not take effect. */
export interface FailedDelivery {
  readonly eventId: string;
  readonly cause: string;
}

/** Takes events in: each has its effect once, however often it comes. */
export interface Inbox {
  /**
   * Deals with events, in order for each key. Answers the ones that did not take effect and must be given again; what follows
   * one of them in its key is among them. An event that failed as often as is allowed is put aside and counts as taken.
   */
  deliver(events: readonly Event[]): Promise<readonly FailedDelivery[]>;
  /** The events put aside, oldest first, at most 100 a page. Throws `InvalidPageTokenError`. */
  listDeadLetters(page: { readonly pageSize: number; readonly pageToken: string }): Promise<DeadLetterPage>;
  /** Tries dead letters again: the ones with these event ids, or the 100 oldest if there are none. */
  redriveDeadLetters(eventIds: readonly string[]): Promise<RedriveResult>;
  /** Begins to forget, bit by bit, what is older than the retention. */
  start(): void;
  stop(): Promise<void>;
}

export interface RedriveResult {
  /** The events that are dealt with now. */
  readonly deliveredEventIds: readonly string[];
  /** The events that failed again. */
  readonly deadLetters: readonly DeadLetter[];
}

const defaultMaxAttempts = 5;

/** Opens a service's inbox. */
export function createInbox(options: InboxOptions): Inbox {
  const { database, environment, handlers, maxAttempts = defaultMaxAttempts, retentionMs = inboxRetentionMs } = options;
  const { clock, log } = environment;
  const metrics = eventMetrics(environment.metrics);
  let stopPruning: (() => Promise<void>) | undefined;

  async function deliver(events: readonly Event[]) {
    // Keys do not wait for one another, and what they write at the same time shares one commit.
    const failures = await Promise.all([...byKey(events)].map(deliverInOrder));
    return failures.flat();
  }

  async function deliverInOrder(events: readonly Event[]): Promise<readonly FailedDelivery[]> {
    for (const [index, event] of events.entries()) {
      const cause = await deliverOne(event);
      if (cause !== undefined) {
        const later = events.slice(index + 1);
        return [
          { eventId: event.id, cause },
          ...later.map(({ id }) => ({ eventId: id, cause: `waits for event ${event.id} of its key` })),
        ];
      }
    }
    return [];
  }

  /** Undefined if the event took effect, or need not. */
  async function deliverOne(event: Event): Promise<string | undefined> {
    const handle = handlerOf(handlers, event);
    if (handle === undefined) {
      return undefined;
    }
    try {
      const isNew = await database.transaction(async (transaction) => {
        const marked = await transaction.run(
          "INSERT INTO inbox_events (source, event_id, receive_time) VALUES (?, ?, ?) ON CONFLICT (source, event_id) DO NOTHING",
          event.source,
          event.id,
          clock.now(),
        );
        if (marked === 1) {
          await handle(transaction);
        }
        return marked === 1;
      });
      (isNew ? metrics.received : metrics.repeated).inc();
      return undefined;
    } catch (error) {
      return failed(event, error);
    }
  }

  async function failed(event: Event, error: unknown): Promise<string | undefined> {
    const cause = causeOf(error);
    if (error instanceof StoreUnavailableError) {
      // Our own trouble, not the event's: it costs the event no try.
      return cause;
    }
    try {
      const attempts = await recordFailure(event, cause);
      if (attempts < maxAttempts) {
        log.warn(
          { eventId: event.id, eventType: event.type, attempts, err: error },
          "an event failed and will be tried again",
        );
        return cause;
      }
      metrics.deadLettered.inc();
      log.error(
        { eventId: event.id, eventType: event.type, attempts, err: error },
        "an event was put to the dead letters",
      );
      return undefined;
    } catch (recordError) {
      log.error({ eventId: event.id, err: recordError }, "the failure of an event could not be written down");
      return cause;
    }
  }

  /** Notes a failed try; with the last one, puts the event aside in the same transaction as its mark. The tries so far. */
  function recordFailure(event: Event, cause: string): Promise<number> {
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
        const isNew = await transaction.run(
          "INSERT INTO inbox_events (source, event_id, receive_time) VALUES (?, ?, ?) ON CONFLICT (source, event_id) DO NOTHING",
          event.source,
          event.id,
          nowMs,
        );
        if (isNew === 1) {
          await insertDeadLetter(transaction, event, { cause, attempts, createTimeMs: nowMs });
        }
      }
      return attempts;
    });
  }

  async function redriveDeadLetters(eventIds: readonly string[]): Promise<RedriveResult> {
    const deliveredEventIds: string[] = [];
    const deadLetters: DeadLetter[] = [];
    for (const letter of await readDeadLetters(database, eventIds)) {
      const failure = await redrive(letter);
      if (failure === undefined) {
        deliveredEventIds.push(letter.eventId);
      } else {
        deadLetters.push(failure);
      }
    }
    return { deliveredEventIds, deadLetters };
  }

  async function redrive(letter: StoredDeadLetter): Promise<DeadLetter | undefined> {
    try {
      await database.transaction(async (transaction) => {
        if (await removeDeadLetter(transaction, letter)) {
          await handlerOf(handlers, letter.event)?.(transaction);
        }
      });
      return undefined;
    } catch (error) {
      const { event: _, ...rest } = letter;
      const again: DeadLetter = { ...rest, cause: causeOf(error), attempts: letter.attempts + 1 };
      log.warn({ eventId: letter.eventId, attempts: again.attempts, err: error }, "a dead letter failed again");
      await database.transaction((transaction) => updateDeadLetter(transaction, again));
      return again;
    }
  }

  return {
    deliver,
    listDeadLetters: (page) => listDeadLetters(database, page),
    redriveDeadLetters,
    start() {
      stopPruning ??= startPruningInbox({ database, environment, retentionMs });
    },
    async stop() {
      await stopPruning?.();
      stopPruning = undefined;
    },
  };
}

function byKey(events: readonly Event[]): Iterable<readonly Event[]> {
  const keys = new Map<string, Event[]>();
  for (const event of events) {
    const key = `${event.source}\0${event.partitionKey}`;
    const known = keys.get(key);
    if (known === undefined) {
      keys.set(key, [event]);
    } else {
      known.push(event);
    }
  }
  return keys.values();
}
