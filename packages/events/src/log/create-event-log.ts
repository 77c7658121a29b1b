import { toBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import type { Environment } from "@parley/rpc";
import type { Database, Transaction } from "@parley/store";
import type { EventLog, NewEvent, WaitingEvent } from "../event-log.ts";
import { eventMessage } from "./event-message.ts";
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

  async function append(transaction: Transaction, ...events: readonly NewEvent[]) {
    const timeMs = environment.clock.now();
    const rows = events.map((event) => newRow(eventMessage(event, { id: environment.newId(), source, timeMs })));
    if (rows.length === 0) {
      return;
    }
    const sql = insertSql(rows.length);
    const parameters = rows.flatMap(({ message, partition, isWaiting }) => [
      message.type,
      partition,
      message.partitionKey,
      timeMs,
      isWaiting ? eventState.waiting : eventState.done,
      toBinary(EventSchema, message),
    ]);
    transaction.onCommit(tellAppended);
    if (rows.some(({ isWaiting }) => isWaiting)) {
      const inserted = await transaction.all<{ sequence: number }>(`${sql} RETURNING sequence`, ...parameters);
      const sequences = inserted.map(({ sequence }) => sequence).sort((a, b) => a - b);
      transaction.onCommit(() => handOver(rows, sequences));
    } else {
      await transaction.run(sql, ...parameters);
    }
  }

  function newRow(message: Event): NewRow {
    return { message, partition: partitionOf(message.partitionKey), isWaiting: !watchOnly.has(message.type) };
  }

  function handOver(rows: readonly NewRow[], sequences: readonly number[]) {
    for (const [index, { message, partition, isWaiting }] of rows.entries()) {
      const sequence = sequences[index];
      if (isWaiting && sequence !== undefined) {
        message.sequence = BigInt(sequence);
        waiting.tell({ sequence, partition, key: message.partitionKey, message: () => message });
      }
    }
  }

  return {
    append,
    onAppended: appended.add,
    onWaiting: waiting.add,
    watch: (watchOptions) => watchEvents(watchOptions, { reader, clock: environment.clock, onAppended: appended.add }),
  };
}

const eventState = { waiting: 0, done: 1 } as const;

/** An event that is to be written down. */
interface NewRow {
  readonly message: Event;
  readonly partition: number;
  readonly isWaiting: boolean;
}

// The sequence is the row's own number: it is put into the event when the row is written or read.
function insertSql(rowCount: number): string {
  const row = "(?, ?, ?, ?, ?, ?)";
  return `INSERT INTO event_log (type, partition_number, partition_key, create_time, state, event) VALUES ${row}${`, ${row}`.repeat(rowCount - 1)}`;
}

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
