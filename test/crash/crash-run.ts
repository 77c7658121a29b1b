import type { PostgresBinaries } from "@parley/store/postgres-server";
import { type PlatformPrograms, startPlatformPrograms } from "../processes/platform-programs.ts";
import { type BuyerOptions, buy } from "./buyer.ts";
import { breakThings, type FaultCounts } from "./faults.ts";
import { firstLook } from "./first-look.ts";
import type { Violation } from "./invariants.ts";
import { newLedger } from "./ledger.ts";
import { seededRandom } from "./random.ts";
import { restock } from "./restocker.ts";
import { createProducts } from "./run-products.ts";
import { findFrom, finishAll, untilRight } from "./settle.ts";
import { shopClients } from "./shop-clients.ts";
import { startWatchers } from "./watchers.ts";

export interface CrashRunOptions {
  /** How long faults are injected. */
  readonly seconds: number;
  /** Determines the faults and their times. The processes themselves are not deterministic. */
  readonly seed: number;
  /** The path of `redis-server`. If set, events travel over Redis, and Redis gets faults too. */
  readonly redisServer?: string | undefined;
  /** If set, the services share databases on a PostgreSQL server, which gets faults too. */
  readonly postgres?: PostgresBinaries | undefined;
  /** Whether PostgreSQL has a synchronous standby, to which it fails over. */
  readonly hasStandby?: boolean;
  /** The folder of Kafka's jars. If set, events travel over Kafka, which gets faults too. */
  readonly kafkaLibs?: string | undefined;
  /** The number of processes of each service. More than one need PostgreSQL. Default: 1. */
  readonly replicas?: number;
  /** Default: 32. */
  readonly buyers?: number;
  /** Corrupts the databases once everything has settled, to prove the checks. */
  readonly plant?: (platform: PlatformPrograms) => void;
  /** Ends the run early, and every process that it started. */
  readonly signal?: AbortSignal;
}

/** The result of a run. */
export interface CrashReport extends FaultCounts {
  readonly seed: number;
  readonly broker: "direct" | "redis" | "kafka";
  readonly database: "sqlite" | "postgres";
  readonly replicas: number;
  /** The promotions of a standby. Undefined without one. */
  readonly failovers: number | undefined;
  readonly orders: number;
  readonly acknowledged: number;
  readonly cancelled: number;
  readonly refused: number;
  readonly restocks: number;
  /** Orders whose first attempt had an unclear outcome, and which were resolved later. */
  readonly recovered: number;
  readonly notifications: number;
  readonly alerts: number;
  readonly reconnects: number;
  /** From the last fault until everything had settled, in milliseconds. */
  readonly settledMs: number;
  readonly violations: readonly Violation[];
  /** The last lines of each program, if there are violations. */
  readonly lastLines: Readonly<Record<string, readonly string[]>>;
}

/** The slowest recovery: events that a dead consumer holds in Redis (15 s), after a backoff of 30 s, with a margin. */
const settleMaxMs = 90_000;
const lastLinesMax = 25;
/** Replicas may pause for longer than the leases of orders (7 s) and event partitions (5 s), since others take over their work. */
const faultsOfReplicas = { brokenMax: 3, longHangShare: 0.3 };

/** Starts the platform, injects faults while clients use it, lets it settle, and checks the invariants. */
export async function crashRun(options: CrashRunOptions): Promise<CrashReport> {
  const { seconds, seed, redisServer, kafkaLibs, postgres, hasStandby, replicas = 1, buyers = 32 } = options;
  const random = seededRandom(seed);
  const ended = options.signal ?? new AbortController().signal;
  const platform = await startPlatformPrograms({
    ...(redisServer && { redisServer }),
    kafkaLibs,
    postgres,
    hasStandby,
    replicas,
  });
  const watchers = startWatchers(platform, random);
  try {
    const { serialProducts, ...products } = await createProducts(platform);
    const before = await firstLook(platform, watchers, serialProducts);
    const ledger = newLedger();
    const shop: BuyerOptions = { ledger, clients: shopClients(platform), serialProducts, ...products, random };

    const over = AbortSignal.any([ended, AbortSignal.timeout(seconds * 1_000)]);
    // Redis may lose its data: its events are still in the outboxes.
    const loseDataOf = new Map(platform.redis === undefined ? [] : [[platform.redis, platform.loseRedisData]]);
    // A failover and a start of Kafka take seconds: among many programs, a run would see few of them.
    const often = [hasStandby ? platform.postgres : undefined, platform.kafka].filter((each) => each !== undefined);
    const faults = { random, signal: over, loseDataOf, often, ...(replicas > 1 && faultsOfReplicas) };
    const [counts] = await Promise.all([
      breakThings(platform.programs, faults),
      restock(shop, over),
      ...Array.from({ length: buyers }, () => buy(shop, over)),
    ]);

    const settling = performance.now();
    const giveUp = AbortSignal.any([ended, AbortSignal.timeout(settleMaxMs)]);
    await finishAll(shop, giveUp);
    const evidence = { ledger, endedAlone: counts.endedAlone, before, serialProducts };
    const look = () => findFrom(platform, { ...evidence, watched: watchers.watched });
    let { after = before, violations } = await untilRight(look, giveUp);
    const settledMs = Math.round(performance.now() - settling);
    if (options.plant !== undefined) {
      options.plant(platform);
      ({ after = before, violations } = await look());
    }

    const { requests } = ledger;
    return {
      ...counts,
      seed,
      broker: platform.redis !== undefined ? "redis" : platform.kafka !== undefined ? "kafka" : "direct",
      database: platform.postgres === undefined ? "sqlite" : "postgres",
      replicas,
      failovers: platform.postgres?.failovers,
      orders: requests.length,
      acknowledged: requests.filter(({ answers }) => answers.length > 0).length,
      cancelled: requests.filter(({ cancel }) => cancel === "acknowledged").length,
      refused: requests.filter(({ refusal }) => refusal !== undefined).length,
      recovered: requests.filter(({ answers, failedTries }) => answers.length > 0 && failedTries > 0).length,
      restocks: ledger.restocks.length,
      notifications: after.notifications.length - before.notifications.length,
      alerts: after.notifications.filter(({ kind }) => kind === "STOCK_LOW").length,
      reconnects: watchers.reconnects(),
      settledMs,
      violations,
      lastLines: violations.length === 0 ? {} : lastLines(platform),
    };
  } finally {
    await watchers.stop();
    await platform.dispose();
  }
}

function lastLines({ programs }: PlatformPrograms): CrashReport["lastLines"] {
  // Successful calls are the most frequent and the least informative.
  const says = (line: string) => !line.includes('"code":"OK"');
  return Object.fromEntries(
    programs.map((each) => [each.name, each.output().trimEnd().split("\n").filter(says).slice(-lastLinesMax)]),
  );
}
