import type { Clock } from "@parley/rpc";
import type { Database } from "@parley/store";
import { publishBatchMax } from "../broker/broker.ts";
import type { OutgoingEvent, WaitingEvent } from "../event-log.ts";
import { decodeEvent, type EventRow } from "../log/log-reader.ts";
import type { Leases } from "./leases.ts";
import { readWaiting } from "./outbox.ts";
import type { WaitingEvents } from "./waiting-events.ts";

/** The most events in memory: enough for the batches in flight and some that are delayed. */
const waitingMax = 1000;
/** Reads at this interval even without a gap: another replica may have appended events. */
const readIntervalMs = 1000;
/** Reads from the beginning after this time, for events that another replica released or committed late. */
const rescanIntervalMs = 5000;

export interface WaitingReaderOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly leaseMs: number;
  readonly waiting: WaitingEvents;
}

/**
 * Renews the leases, and loads the waiting events of the held partitions into memory: passed on by the process that appended
 * them if they follow the last known one, or read from the log.
 */
export interface WaitingReader {
  /** Receives a durable event. If it does not follow the last known one, it is read from the log instead. */
  receive(event: WaitingEvent): void;
  /** Reads the events that were not passed on. True if there may be more. */
  fill(): Promise<boolean>;
  /** Whether the leases are still valid. After a pause of the process another replica may have them. */
  holdsLeases(): boolean;
}

export function createWaitingReader({
  database,
  clock,
  leases,
  leaseMs,
  waiting,
}: WaitingReaderOptions): WaitingReader {
  let partitions: ReadonlySet<number> = new Set();
  let leasedUntilMs = Number.NEGATIVE_INFINITY;
  let renewAtMs = Number.NEGATIVE_INFINITY;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let rescanAtMs = Number.NEGATIVE_INFINITY;
  /** All waiting events up to here are in memory, or were when they were examined. */
  let knownThrough = 0;
  let hasGap = true;

  async function renewLeases(nowMs: number) {
    const before = partitions;
    partitions = new Set(await leases.renew());
    leasedUntilMs = nowMs + leaseMs;
    renewAtMs = nowMs + leaseMs / 3;
    waiting.keepPartitions(partitions);
    if (!partitions.isSubsetOf(before)) {
      readFromTheBeginning();
    }
  }

  function readFromTheBeginning() {
    knownThrough = 0;
    hasGap = true;
  }

  async function read(limit: number): Promise<boolean> {
    hasGap = false;
    readAtMs = clock.monotonic() + readIntervalMs;
    const rows = await readRows(limit);
    for (const row of rows) {
      waiting.add({
        sequence: row.sequence,
        partition: row.partition_number,
        key: row.partition_key,
        outgoing: () => outgoingEvent(row),
      });
    }
    // Events received meanwhile may have advanced it.
    knownThrough = Math.max(knownThrough, rows.at(-1)?.sequence ?? 0);
    const isAll = rows.length < limit;
    hasGap ||= !isAll;
    return !isAll;
  }

  async function readRows(limit: number) {
    try {
      return await readWaiting(database, { partitions: [...partitions], after: knownThrough, limit });
    } catch (error) {
      hasGap = true;
      throw error;
    }
  }

  return {
    receive(event) {
      if (event.sequence !== knownThrough + 1 || waiting.size >= waitingMax) {
        hasGap = true;
        return;
      }
      knownThrough = event.sequence;
      if (partitions.has(event.partition)) {
        waiting.add(event);
      }
    },
    async fill() {
      const nowMs = clock.monotonic();
      if (nowMs >= renewAtMs) {
        await renewLeases(nowMs);
      }
      if (nowMs >= rescanAtMs) {
        rescanAtMs = nowMs + rescanIntervalMs;
        readFromTheBeginning();
      }
      const room = waitingMax - waiting.size;
      if (room < publishBatchMax || partitions.size === 0 || !(hasGap || nowMs >= readAtMs)) {
        return false;
      }
      return await read(room);
    },
    holdsLeases: () => clock.monotonic() < leasedUntilMs,
  };
}

/** The event of a row that was read. */
function outgoingEvent(row: EventRow): OutgoingEvent {
  const { id, type, traceparent } = decodeEvent(row);
  return { id, type, traceparent, sequence: row.sequence, encoded: row.event };
}
