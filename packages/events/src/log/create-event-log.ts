import { toBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { type Environment, spanKinds } from "@parley/rpc";
import { type Database, insertNumbered, type SqlValue, type Transaction } from "@parley/store";
import type { EventLog, NewEvent, OutgoingEvent, WaitingEvent } from "../event-log.ts";
import { eventMessage } from "./event-message.ts";
import { createLogReader } from "./log-reader.ts";
import { partitionOf } from "./partition.ts";
import { watchEvents } from "./watch-events.ts";

export interface EventLogOptions {
  /** With {@link eventMigrations} applied. */
  readonly database: Database;
  /** The service, as `source` of its events, for example `/services/order`. */
  readonly source: string;
  readonly environment: Pick<Environment, "clock" | "newId" | "recorder">;
  /** Types for Watch methods alone: they are stored, but not published. Default: none. */
  readonly watchOnlyTypes?: readonly string[];
}

/** Opens a service's event log. */
export function createEventLog(options: EventLogOptions): EventLog {
  const { database, source, environment, watchOnlyTypes = [] } = options;
  const watchOnly = new Set(watchOnlyTypes);
  const appended = createListeners<void>();
  const waiting = createListeners<WaitingEvent>();

  const reader = createLogReader(database, environment.clock);

  async function append(transaction: Transaction, ...events: readonly NewEvent[]) {
    const timeMs = environment.clock.now();
    for (const given of events) {
      const event = publication(transaction, given);
      const message = eventMessage(event, { id: environment.newId(), source, timeMs });
      // Encoded here, so that an encoding error fails only its own transaction, not the others of the commit.
      transaction.beforeCommit(insertEvents, newRow(message, { timeMs, isWaiting: !watchOnly.has(message.type) }));
    }
  }

  /** The event with the trace context of its publish span, which is recorded once the event is durable. */
  function publication(transaction: Transaction, event: NewEvent): NewEvent {
    const { recorder, clock } = environment;
    const { cause, type, subject } = event;
    if (recorder === undefined || cause === undefined || watchOnly.has(type)) {
      return event;
    }
    const startMs = clock.monotonic();
    const traceparent = recorder.childOf(cause.traceparent);
    transaction.onCommit(() =>
      recorder.record({
        kind: spanKinds.eventPublish,
        name: type,
        traceparent,
        parent: cause.traceparent,
        requestId: cause.requestId,
        startMs,
        latencyMs: clock.monotonic() - startMs,
        attributes: { ...sendAttributes, "messaging.destination.name": source, "parley.event.subject": subject },
      }),
    );
    return { ...event, cause: { ...cause, traceparent } };
  }

  async function insertEvents(transaction: Transaction, rows: readonly NewRow[]) {
    const waitingRows = rows.flatMap(({ event, key, isWaiting }, index) =>
      isWaiting ? [{ place: index + 1, partition: partitionOf(key), key, event }] : [],
    );
    await insertNumbered(transaction, {
      head: "event_log_head",
      count: rows.length,
      inserts: [
        { into: insertSql, rows: rows.map(({ values }, index) => [index + 1, ...values]) },
        { into: insertWaitingSql, rows: waitingRows.map(({ place, partition, key }) => [place, partition, key]) },
      ],
      onDurable(before) {
        reader.appended();
        appended.notify();
        // With unknown sequences, the relay reads the events from the log.
        if (before === undefined) return;
        for (const { place, partition, key, event } of waitingRows) {
          const sequence = before + place;
          waiting.notify({ sequence, partition, key, outgoing: () => ({ ...event, sequence }) });
        }
      },
    });
  }

  return {
    append,
    onAppended: appended.add,
    onWaiting: waiting.add,
    watch: (watchOptions) => watchEvents(watchOptions, { reader, clock: environment.clock, onAppended: appended.add }),
  };
}

/** An event to insert. */
interface NewRow {
  readonly event: Omit<OutgoingEvent, "sequence">;
  readonly key: string;
  readonly isWaiting: boolean;
  readonly values: readonly SqlValue[];
}

// The event is encoded without its sequence, which is added when the row is read or published.
const insertSql = "INSERT INTO event_log (sequence, type, create_time, event)";
const insertWaitingSql = "INSERT INTO event_waiting (sequence, partition_number, partition_key)";

function newRow(
  message: Event,
  { timeMs, isWaiting }: { readonly timeMs: number; readonly isWaiting: boolean },
): NewRow {
  const { id, type, traceparent, partitionKey: key } = message;
  const encoded = toBinary(EventSchema, message);
  return { event: { id, type, traceparent, encoded }, key, isWaiting, values: [type, timeMs, encoded] };
}

/** OpenTelemetry's names for a message that is sent (semantic conventions, "Messaging"). */
const sendAttributes = { "messaging.system": "parley", "messaging.operation.type": "send" };

function createListeners<T>() {
  const listeners = new Set<(what: T) => void>();
  return {
    notify(what: T) {
      for (const listener of listeners) {
        listener(what);
      }
    },
    add(callback: (what: T) => void) {
      // Wrapped, so that the same callback given twice is two listeners.
      const listener = (what: T) => callback(what);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
