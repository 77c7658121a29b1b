import { fromBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import type { Clock } from "@parley/rpc";
import type { Database, SqlValue } from "@parley/store";
import type { LoggedEvent, WatchOptions } from "../event-log.ts";
import { decodePosition, encodePosition, PositionGoneError, UnreadablePositionError } from "./position.ts";

/** Events read at once, at most: what a slow watcher holds in memory. */
const batchSizeMax = 100;
/** Rows looked through at once, at most, for a watcher whose types are rare. */
const windowSize = 1000;
/** Looks again after this long even if this process appended nothing: another replica may have. */
const pollIntervalMs = 1000;

export interface WatchSource {
  readonly database: Database;
  readonly clock: Clock;
  readonly onAppended: (callback: () => void) => () => void;
}

/** Reads a log from a position on. What "from now on" means is settled by the call, not by the first `next`. */
export function watchEvents(options: WatchOptions, source: WatchSource): AsyncIterable<LoggedEvent> {
  const start = findStart(options.afterPosition, source.database);
  // Told again by the iteration; a stream that is never read from must not end the process.
  start.catch(() => {});
  return follow(start, options, source);
}

async function findStart(afterPosition: string | undefined, database: Database): Promise<number> {
  const after = afterPosition === undefined || afterPosition === "" ? undefined : decodePosition(afterPosition);
  const head = await readHead(database);
  if (after !== undefined && after > head) {
    throw new UnreadablePositionError();
  }
  return after ?? head;
}

async function* follow(
  start: Promise<number>,
  options: WatchOptions,
  source: WatchSource,
): AsyncGenerator<LoggedEvent> {
  const { types, signal } = options;
  const bell = createBell(source, signal);
  try {
    let at = await start;
    while (!signal.aborted) {
      bell.silence();
      const batch = await readBatch(source.database, { after: at, types });
      for (const row of batch.rows) {
        if (signal.aborted) {
          return;
        }
        yield { event: decodeEvent(row), position: encodePosition(row.sequence) };
      }
      at = batch.through;
      if (at >= batch.head) {
        await bell.rung();
      }
    }
  } finally {
    bell.close();
  }
}

/** An event as the log keeps it. */
export interface EventRow {
  readonly sequence: number;
  readonly event: Uint8Array;
}

/** The event of a row, with its place in the log. */
export function decodeEvent(row: EventRow): Event {
  const event = fromBinary(EventSchema, row.event);
  event.sequence = BigInt(row.sequence);
  return event;
}

interface Batch {
  readonly rows: readonly EventRow[];
  /** Everything up to here was looked through. */
  readonly through: number;
  /** The end of the log when the batch was read. */
  readonly head: number;
}

async function readBatch(
  database: Database,
  { after, types }: { readonly after: number; readonly types: readonly string[] },
): Promise<Batch> {
  const windowEnd = after + windowSize;
  // One statement, so that what was pruned is known at the very moment at which the rows are read.
  const found = await database.all<{ pruned: number; head: number | null; sequence: number | null; event: Uint8Array }>(
    `SELECT p.through_sequence AS pruned, (SELECT MAX(sequence) FROM event_log) AS head, e.sequence, e.event
     FROM event_log_pruned p
     LEFT JOIN event_log e ON e.sequence > ? AND e.sequence <= ? AND e.type IN (${types.map(() => "?").join(", ")})
     ORDER BY e.sequence LIMIT ${batchSizeMax}`,
    ...([after, windowEnd, ...types] satisfies SqlValue[]),
  );
  const pruned = found[0]?.pruned ?? 0;
  if (pruned > after) {
    throw new PositionGoneError();
  }
  const head = Math.max(found[0]?.head ?? 0, pruned);
  const rows = found.filter((row): row is typeof row & EventRow => row.sequence !== null);
  const through = rows.length === batchSizeMax ? lastOf(rows, after) : Math.min(windowEnd, head);
  return { rows, through, head };
}

function lastOf(rows: readonly EventRow[], otherwise: number): number {
  return rows.at(-1)?.sequence ?? otherwise;
}

async function readHead(database: Database): Promise<number> {
  const row = await database.get<{ head: number }>(
    "SELECT COALESCE((SELECT MAX(sequence) FROM event_log), through_sequence) AS head FROM event_log_pruned",
  );
  return row?.head ?? 0;
}

/** Rings when events were appended, when it is time to look anyway, and when the signal aborts. */
function createBell({ clock, onAppended }: WatchSource, signal: AbortSignal) {
  let rang = false;
  let wake = () => {};
  function ring() {
    rang = true;
    wake();
  }
  const unsubscribe = onAppended(ring);
  signal.addEventListener("abort", ring, { once: true });
  return {
    silence() {
      rang = false;
    },
    async rung() {
      if (rang || signal.aborted) {
        return;
      }
      const cancel = clock.after(pollIntervalMs, ring);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      cancel();
    },
    close() {
      unsubscribe();
      signal.removeEventListener("abort", ring);
    },
  };
}
