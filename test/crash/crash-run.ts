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
  /** How long things are broken. */
  readonly seconds: number;
  /** What is broken when. The processes themselves are not repeatable. */
  readonly seed: number;
  /** Where `redis-server` is, for events to travel by it, and for it to be broken as well. */
  readonly redisServer?: string;
  /** Default: 32. */
  readonly buyers?: number;
  /** Spoils the databases when everything is right, to prove the checks. */
  readonly plant?: (platform: PlatformPrograms) => void;
  /** Ends the run early; what was started is ended. */
  readonly signal?: AbortSignal;
}

/** What a run did and found. */
export interface CrashReport extends FaultCounts {
  readonly seed: number;
  readonly broker: "direct" | "redis";
  readonly orders: number;
  readonly acknowledged: number;
  readonly cancelled: number;
  readonly refused: number;
  readonly restocks: number;
  /** Orders whose buyer got no clear answer at first, and got it in the end. */
  readonly recovered: number;
  readonly notifications: number;
  readonly alerts: number;
  readonly reconnects: number;
  /** From the last fault until everything was right, in milliseconds. */
  readonly settledMs: number;
  readonly violations: readonly Violation[];
  /** Where there are violations: the last lines of each program. */
  readonly lastLines: Readonly<Record<string, readonly string[]>>;
}

/** The platform's slowest own repair: events that a dead consumer holds in Redis (15 s), after a backoff of 30 s; and room. */
const settleMaxMs = 90_000;
const lastLinesMax = 25;
/** Starts the platform, breaks it while clients use it, lets it settle, and checks what it promised. */
export async function crashRun(options: CrashRunOptions): Promise<CrashReport> {
  const { seconds, seed, redisServer, buyers = 32 } = options;
  const random = seededRandom(seed);
  const ended = options.signal ?? new AbortController().signal;
  const platform = await startPlatformPrograms(redisServer === undefined ? {} : { redisServer });
  const watchers = startWatchers(platform, random);
  try {
    const { serialProducts, ...products } = await createProducts(platform);
    const before = await firstLook(platform, watchers, serialProducts);
    const ledger = newLedger();
    const shop: BuyerOptions = { ledger, clients: shopClients(platform), serialProducts, ...products, random };

    const over = AbortSignal.any([ended, AbortSignal.timeout(seconds * 1_000)]);
    // Nothing may rest on Redis: events that it lost are still in the outboxes.
    const loseDataOf = new Map(platform.redis === undefined ? [] : [[platform.redis, platform.loseRedisData]]);
    const [counts] = await Promise.all([
      breakThings(platform.programs, { random, signal: over, loseDataOf }),
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
      broker: platform.redis === undefined ? "direct" : "redis",
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
  // Calls that went well are the most and say the least.
  const says = (line: string) => !line.includes('"code":"OK"');
  return Object.fromEntries(
    programs.map((each) => [each.name, each.output().trimEnd().split("\n").filter(says).slice(-lastLinesMax)]),
  );
}
