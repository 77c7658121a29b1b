import { fromBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import type { Clock } from "@parley/rpc";
import { type Database, marksFor } from "@parley/store";
import { PositionGoneError } from "./position.ts";

/** The most events read at once, and so in the memory of a slow watcher. */
const batchSizeMax = 100;
/** The most rows examined at once, for a watcher with rare types. */
const windowSize = 1000;
/** A part of the log is reused for this time: watchers that wake together read it once. */
const sharedMs = 20;

/** An event as the log stores it. */
export interface EventRow {
  readonly sequence: number;
  readonly event: Uint8Array;
}

/** The event of a row, with its sequence. */
export function decodeEvent(row: EventRow): Event {
  const event = fromBinary(EventSchema, row.event);
  event.sequence = BigInt(row.sequence);
  return event;
}

/** A part of the log. */
export interface LogPart {
  /** In order. */
  readonly events: readonly Event[];
  /** The last sequence that was examined. */
  readonly through: number;
  /** The end of the log when the part was read. */
  readonly head: number;
}

/** The events that a watcher wants. */
export interface WantedEvents {
  readonly types: readonly string[];
  /** Empty: all. */
  readonly audiences: readonly string[];
}

/** Reads a log's events from a sequence on. Throws {@link PositionGoneError} if wanted events after it were pruned. */
export interface LogReader {
  /** Only events of some types, for a watcher that catches up. */
  read(after: number, wanted: WantedEvents): Promise<LogPart>;
  /** Events of all types, for the watchers at the end of the log, which share the result. Do not change it. */
  readEnd(after: number): Promise<LogPart>;
  /** The end of the log. */
  head(): Promise<number>;
  /** Drops the cached end of the log, after events were appended. */
  appended(): void;
}

export function createLogReader(database: Database, clock: Clock): LogReader {
  let shared = new Map<number, { readonly part: Promise<LogPart>; readonly readAtMs: number }>();

  return {
    read(after, wanted) {
      return readPart(database, { after, wanted });
    },
    readEnd(after) {
      const known = shared.get(after);
      const nowMs = clock.monotonic();
      if (known !== undefined && nowMs - known.readAtMs < sharedMs) {
        return known.part;
      }
      const part = readPart(database, { after });
      shared.set(after, { part, readAtMs: nowMs });
      return part;
    },
    async head() {
      const row = await database.get<{ head: number }>(
        "SELECT COALESCE((SELECT MAX(sequence) FROM event_log), through_sequence) AS head FROM event_log_pruned",
      );
      return row?.head ?? 0;
    },
    appended() {
      if (shared.size > 0) {
        shared = new Map();
      }
    },
  };
}

interface FoundRow {
  readonly pruned: number;
  readonly unlisted: number;
  readonly head: number | null;
  readonly sequence: number | null;
  readonly event: Uint8Array;
}

async function readPart(
  database: Database,
  { after, wanted }: { readonly after: number; readonly wanted?: WantedEvents },
): Promise<LogPart> {
  const types = wanted?.types;
  const windowEnd = after + windowSize;
  const ofTypes = types === undefined ? "" : `AND e.type IN (${marksFor(types)})`;
  // One statement, so that rows and pruning are read at the same moment.
  const found = await database.all<FoundRow>(
    `SELECT p.through_sequence AS pruned, p.unlisted_through_sequence AS unlisted, (SELECT MAX(sequence) FROM event_log) AS head, e.sequence, e.event
     FROM event_log_pruned p
     LEFT JOIN event_log e ON e.sequence > ? AND e.sequence <= ? ${ofTypes}
     ORDER BY e.sequence LIMIT ${batchSizeMax}`,
    after,
    windowEnd,
    ...(types ?? []),
  );
  const pruned = found[0]?.pruned ?? 0;
  if (pruned > after && ((found[0]?.unlisted ?? 0) > after || (await prunedThrough(database, wanted)) > after)) {
    throw new PositionGoneError();
  }
  const head = Math.max(found[0]?.head ?? 0, pruned);
  const rows = found.filter((row): row is FoundRow & EventRow => row.sequence !== null);
  const last = rows.at(-1);
  return {
    events: rows.map(decodeEvent),
    through: last !== undefined && rows.length === batchSizeMax ? last.sequence : Math.min(windowEnd, head),
    head,
  };
}

/** How far wanted events were pruned. */
async function prunedThrough(database: Database, { types, audiences }: WantedEvents = allEvents): Promise<number> {
  const conditions = [
    ...(types.length === 0 ? [] : [`type IN (${marksFor(types)})`]),
    ...(audiences.length === 0 ? [] : [`audience IN (${marksFor(audiences)})`]),
  ];
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const row = await database.get<{ through: number }>(
    `SELECT COALESCE(MAX(through_sequence), 0) AS through FROM event_log_pruned_audience ${where}`,
    ...types,
    ...audiences,
  );
  return row?.through ?? 0;
}

const allEvents: WantedEvents = { types: [], audiences: [] };
