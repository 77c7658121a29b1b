import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import {
  type Database,
  marksFor,
  type PagedList,
  type PageRequest,
  type Reader,
  readPage,
  storableText,
  type Transaction,
} from "@parley/store";

/** An event that failed `maxAttempts` times, stored so that later events of its key are delivered. */
export interface DeadLetter {
  readonly eventId: string;
  readonly source: string;
  readonly eventType: string;
  readonly subject: string;
  /** The cause of the last failure. */
  readonly cause: string;
  readonly attempts: number;
  /** When it became a dead letter, in milliseconds since the Unix epoch. */
  readonly createTimeMs: number;
}

export interface DeadLetterPage {
  readonly deadLetters: readonly DeadLetter[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** A dead letter, and the event in it. */
export interface StoredDeadLetter extends DeadLetter {
  readonly event: Event;
}

/** The most dead letters listed or redriven at once. */
export const deadLettersMax = 100;

const columns = "sequence, source, event_id, event_type, subject, cause, attempts, create_time";

interface DeadLetterRow {
  readonly sequence: number;
  readonly source: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly subject: string;
  readonly cause: string;
  readonly attempts: number;
  readonly create_time: number;
}

/** Stores a dead letter. */
export async function insertDeadLetter(
  transaction: Transaction,
  event: Event,
  failure: Pick<DeadLetter, "cause" | "attempts" | "createTimeMs">,
): Promise<void> {
  await transaction.run(
    `INSERT INTO dead_letters (source, event_id, event_type, subject, cause, attempts, create_time, event)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    storableText(event.source),
    storableText(event.id),
    storableText(event.type),
    storableText(event.subject),
    failure.cause,
    failure.attempts,
    failure.createTimeMs,
    toBinary(EventSchema, event),
  );
}

/** Deletes a dead letter. False if another call did before. */
export async function removeDeadLetter(transaction: Transaction, letter: DeadLetter): Promise<boolean> {
  const removed = await transaction.run(
    "DELETE FROM dead_letters WHERE source = ? AND event_id = ?",
    letter.source,
    letter.eventId,
  );
  return removed === 1;
}

/** Records that a dead letter failed again. */
export async function updateDeadLetter(transaction: Transaction, letter: DeadLetter): Promise<void> {
  await transaction.run(
    // Another replica may have redriven it at the same time: its attempt counts too.
    "UPDATE dead_letters SET cause = ?, attempts = attempts + 1 WHERE source = ? AND event_id = ?",
    letter.cause,
    letter.source,
    letter.eventId,
  );
}

/** The dead letters, oldest first, for reading page by page. */
function deadLetterList(reader: Reader): PagedList<DeadLetterRow, [sequence: number]> {
  return {
    list: "dead letters",
    keyTypes: ["number"],
    keyOf: ({ sequence }) => [sequence],
    read: (after, limit) =>
      reader.all<DeadLetterRow>(
        `SELECT ${columns} FROM dead_letters WHERE sequence > ? ORDER BY sequence LIMIT ?`,
        after?.[0] ?? 0,
        limit,
      ),
  };
}

/** One page of dead letters, oldest first. Throws `InvalidPageTokenError`. */
export async function listDeadLetters(reader: Reader, page: PageRequest): Promise<DeadLetterPage> {
  const { rows, nextPageToken } = await readPage(page, deadLetterList(reader));
  return { deadLetters: rows.map(fromRow), nextPageToken };
}

/** The dead letters with these event ids, or the oldest ones if none are given, oldest first. */
export async function readDeadLetters(
  database: Database,
  eventIds: readonly string[],
): Promise<readonly StoredDeadLetter[]> {
  const chosen = eventIds.length === 0 ? "" : `WHERE event_id IN (${marksFor(eventIds)})`;
  const rows = await database.all<DeadLetterRow & { readonly event: Uint8Array }>(
    `SELECT ${columns}, event FROM dead_letters ${chosen} ORDER BY sequence LIMIT ${deadLettersMax}`,
    ...eventIds,
  );
  return rows.map((row) => ({ ...fromRow(row), event: fromBinary(EventSchema, row.event) }));
}

function fromRow(row: DeadLetterRow): DeadLetter {
  return {
    eventId: row.event_id,
    source: row.source,
    eventType: row.event_type,
    subject: row.subject,
    cause: row.cause,
    attempts: row.attempts,
    createTimeMs: row.create_time,
  };
}
