import type { Clock } from "@parley/rpc";
import type { Database } from "@parley/store";
import { publishBatchMax } from "../broker/broker.ts";
import type { Leases } from "./leases.ts";
import { readWaiting } from "./outbox.ts";
import type { WaitingEvents } from "./waiting-events.ts";

/** Events in memory, at most: enough for the batches under way and some that are held back. */
const waitingMax = 1000;
/** Reads from the beginning again after this long, for what another replica gave back or committed late. */
const rescanIntervalMs = 5000;

export interface WaitingReaderOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly leaseMs: number;
  readonly waiting: WaitingEvents;
}

/** Keeps the leases up, and brings the waiting events of the partitions held into memory. */
export interface WaitingReader {
  /** Reads more. True if there may be still more. */
  fill(): Promise<boolean>;
  /** Whether the leases still stand. After a pause of the process they may be another's by now. */
  holdsLeases(): boolean;
}

export function createWaitingReader({
  database,
  clock,
  leases,
  leaseMs,
  waiting,
}: WaitingReaderOptions): WaitingReader {
  let partitions: readonly number[] = [];
  let leasedUntilMs = Number.NEGATIVE_INFINITY;
  let renewAtMs = Number.NEGATIVE_INFINITY;
  let rescanAtMs = Number.NEGATIVE_INFINITY;
  let readThrough = 0;

  async function renewLeases(nowMs: number) {
    const before = new Set(partitions);
    partitions = await leases.renew();
    leasedUntilMs = nowMs + leaseMs;
    renewAtMs = nowMs + leaseMs / 3;
    waiting.keepPartitions(new Set(partitions));
    if (partitions.some((number) => !before.has(number))) {
      readThrough = 0;
    }
  }

  return {
    async fill() {
      const nowMs = clock.monotonic();
      if (nowMs >= renewAtMs) {
        await renewLeases(nowMs);
      }
      const room = waitingMax - waiting.size;
      if (room < publishBatchMax || partitions.length === 0) {
        return false;
      }
      if (nowMs >= rescanAtMs) {
        rescanAtMs = nowMs + rescanIntervalMs;
        readThrough = 0;
      }
      const rows = await readWaiting(database, { partitions, after: readThrough, limit: room });
      waiting.add(rows);
      readThrough = rows.at(-1)?.sequence ?? readThrough;
      return rows.length === room;
    },
    holdsLeases: () => clock.monotonic() < leasedUntilMs,
  };
}
