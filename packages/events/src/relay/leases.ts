import type { Clock } from "@parley/rpc";
import { type Database, databaseTime, type Transaction } from "@parley/store";
import { partitionCount } from "../log/partition.ts";

export interface LeasesOptions {
  readonly database: Database;
  /** Used if one process has the database to itself. Replicas use the database's clock. */
  readonly clock: Clock;
  /** The owner of the leases: unique among the replicas of a service. */
  readonly owner: string;
  /** The time of a lease after its renewal: how long events wait when a replica dies. */
  readonly leaseMs: number;
}

/** The longest lease. */
export const leaseMsMax = 60_000;
/**
 * A lease that runs longer than this was written before the clock was set back, and counts as expired. More than the longest lease: another
 * replica may have written it a moment after this one read the clock.
 */
const remainingMsMax = leaseMsMax + 5_000;

/** The partitions that this replica publishes. Stored in the database, so that each has one publisher at a time. */
export interface Leases {
  /** Renews its leases, takes its share of the free ones, and returns the partitions it holds. */
  renew(): Promise<readonly number[]>;
  /** Releases all leases, so that another replica can take them at once. */
  release(): Promise<void>;
}

/** Throws a RangeError if `leaseMs` is above {@link leaseMsMax}. */
export function createLeases({ database, clock, owner, leaseMs }: LeasesOptions): Leases {
  if (leaseMs > leaseMsMax) {
    throw new RangeError(`leaseMs must be at most ${leaseMsMax}, but is ${leaseMs}`);
  }

  async function countPublishers(transaction: Transaction, nowMs: number): Promise<number> {
    await transaction.run(
      `INSERT INTO event_publishers (owner, expire_time) VALUES (?, ?)
       ON CONFLICT (owner) DO UPDATE SET expire_time = excluded.expire_time`,
      owner,
      nowMs + leaseMs,
    );
    await transaction.run(
      "DELETE FROM event_publishers WHERE expire_time <= ? OR expire_time > ?",
      nowMs,
      nowMs + remainingMsMax,
    );
    const row = await transaction.get<{ count: number }>("SELECT COUNT(*) AS count FROM event_publishers");
    return row?.count ?? 1;
  }

  return {
    renew() {
      return database.transaction(async (transaction) => {
        const nowMs = await databaseTime(transaction, clock);
        const share = Math.ceil(partitionCount / (await countPublishers(transaction, nowMs)));
        const valid = await transaction.all<{ partition_number: number; owner: string }>(
          "SELECT partition_number, owner FROM event_leases WHERE expire_time > ? AND expire_time <= ? ORDER BY partition_number",
          nowMs,
          nowMs + remainingMsMax,
        );
        const held = valid.filter((lease) => lease.owner === owner).map((lease) => lease.partition_number);
        const others = new Set(valid.filter((lease) => lease.owner !== owner).map((lease) => lease.partition_number));
        const free = allPartitions.filter((number) => !others.has(number) && !held.includes(number));
        const mine: number[] = [];
        for (const number of [...held, ...free].slice(0, share).sort((a, b) => a - b)) {
          // Another replica may have taken it since: a valid lease is left to its owner.
          const taken = await transaction.run(
            `INSERT INTO event_leases (partition_number, owner, expire_time) VALUES (?, ?, ?)
             ON CONFLICT (partition_number) DO UPDATE SET owner = excluded.owner, expire_time = excluded.expire_time
             WHERE event_leases.owner = excluded.owner OR event_leases.expire_time <= ? OR event_leases.expire_time > ?`,
            number,
            owner,
            nowMs + leaseMs,
            nowMs,
            nowMs + remainingMsMax,
          );
          if (taken === 1) {
            mine.push(number);
          }
        }
        for (const number of held.slice(share)) {
          await transaction.run("DELETE FROM event_leases WHERE partition_number = ? AND owner = ?", number, owner);
        }
        return mine;
      });
    },
    release() {
      return database.transaction(async (transaction) => {
        await transaction.run("DELETE FROM event_leases WHERE owner = ?", owner);
        await transaction.run("DELETE FROM event_publishers WHERE owner = ?", owner);
      });
    },
  };
}

const allPartitions: readonly number[] = Array.from({ length: partitionCount }, (_, number) => number);
