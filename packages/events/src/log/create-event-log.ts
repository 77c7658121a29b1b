import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import type { Environment } from "@parley/rpc";
import type { Database, Transaction } from "@parley/store";
import type { EventLog, NewEvent, WaitingEvent } from "../event-log.ts";
import { eventTypes } from "../event-types.ts";
import { createLogReader } from "./log-reader.ts";
import { partitionOf } from "./partition.ts";
import { watchEvents } from "./watch-events.ts";

export interface EventLogOptions {
  /** With {@link eventMigrations} applied. */
  readonly database: Database;
  /** The service, as `source` of its events, for example `/services/order`. */
  readonly source: string;
  readonly environment: Pick<Environment, "clock" | "newId">;
  /** Types that Watch methods read and no other service wants: they are kept, but not published. Default: none. */
  readonly watchOnlyTypes?: readonly string[];
}

/** Opens a service's event log. */
export function createEventLog(options: EventLogOptions): EventLog {
  const { database, source, environment, watchOnlyTypes = [] } = options;
  const watchOnly = new Set(watchOnlyTypes);
  const appended = createListeners<void>();
  const waiting = createListeners<WaitingEvent>();

  const reader = createLogReader(database, environment.clock);

  function tellAppended() {
    reader.appended();
    appended.tell();
  }

  async function append(transaction: Transaction, event: NewEvent) {
    if (event.payload.case === undefined || event.type !== eventTypes[event.payload.case]) {
      throw new TypeError(`An event of type ${event.type} cannot carry ${event.payload.case ?? "nothing"}.`);
    }
    const nowMs = environment.clock.now();
    const message = create(EventSchema, {
      id: environment.newId(),
      source,
      type: event.type,
      subject: event.subject,
      time: timestampFromMs(nowMs),
      partitionKey: event.partitionKey,
      traceparent: event.cause?.traceparent ?? "",
      requestId: event.cause?.requestId ?? "",
      payload: event.payload,
    });
    const partition = partitionOf(event.partitionKey);
    // The sequence is the row's own number: it is put into the event when the row is written or read.
    const row = [event.type, partition, event.partitionKey, nowMs] as const;
    const bytes = toBinary(EventSchema, message);
    transaction.onCommit(tellAppended);
    if (watchOnly.has(event.type)) {
      await transaction.run(insertSql, ...row, eventState.done, bytes);
      return;
    }
    const inserted = await transaction.get<{ sequence: number }>(
      `${insertSql} RETURNING sequence`,
      ...row,
      eventState.waiting,
      bytes,
    );
    const sequence = inserted?.sequence ?? 0;
    message.sequence = BigInt(sequence);
    transaction.onCommit(() => waiting.tell({ sequence, partition, key: event.partitionKey, message: () => message }));
  }

  return {
    append,
    onAppended: appended.add,
    onWaiting: waiting.add,
    watch: (watchOptions) => watchEvents(watchOptions, { reader, clock: environment.clock, onAppended: appended.add }),
  };
}

const eventState = { waiting: 0, done: 1 } as const;

const insertSql =
  "INSERT INTO event_log (type, partition_number, partition_key, create_time, state, event) VALUES (?, ?, ?, ?, ?, ?)";

function createListeners<T>() {
  const listeners = new Set<(what: T) => void>();
  return {
    tell(what: T) {
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
