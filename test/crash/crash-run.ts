import { type PlatformPrograms, startPlatformPrograms } from "../processes/platform-programs.ts";
import { type BuyerOptions, buy, finish, place } from "./buyer.ts";
import { breakThings, type FaultCounts } from "./faults.ts";
import { findViolations, type Violation } from "./invariants.ts";
import { isAnswered, newLedger, type SerialProducts } from "./ledger.ts";
import { type Observation, observe } from "./observation.ts";
import { pause, seededRandom } from "./random.ts";
import { finishRestock, restock } from "./restocker.ts";
import { createProducts } from "./run-products.ts";
import { shopClients } from "./shop-clients.ts";
import { startWatchers, type Watchers } from "./watchers.ts";

export interface CrashRunOptions {
  /** How long things are broken. */
  readonly seconds: number;
  /** What is broken when. The processes themselves are not repeatable. */
  readonly seed: number;
  /** Where `redis-server` is, for events to travel by it, and for it to be broken as well. */
  readonly redisServer?: string;
  /** Default: 32. */
  readonly buyers?: number;
  /** How long the platform may take until everything is right, in milliseconds. Default: 90 s. */
  readonly settleMaxMs?: number;
  /** Spoils what the checks are to find, to prove them. */
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
const defaultSettleMaxMs = 90_000;
const lookAgainMs = 250;
const lastLinesMax = 25;
/** So many requests are asked again at the end; all of them where there are fewer. */
const askedAgainMax = 500;

/** Starts the platform, breaks it while clients use it, lets it settle, and checks what it promised. */
export async function crashRun(options: CrashRunOptions): Promise<CrashReport> {
  const { seconds, seed, redisServer, buyers = 32, settleMaxMs = defaultSettleMaxMs } = options;
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

    const { endedAlone } = counts;
    const settling = performance.now();
    const giveUp = AbortSignal.any([ended, AbortSignal.timeout(settleMaxMs)]);
    await Promise.all(ledger.restocks.map((entry) => finishRestock(entry, shop, giveUp)));
    await inBatches(
      ledger.requests.filter((each) => !isAnswered(each)),
      (each) => finish(each, shop, giveUp),
    );
    const byId = ledger.requests.filter(({ requestId, answers }) => requestId !== undefined && answers.length > 0);
    await inBatches(byId.slice(-askedAgainMax), (each) => place(each, shop));

    options.plant?.(platform);
    let after = before;
    let violations: readonly Violation[];
    do {
      await pause(lookAgainMs, giveUp);
      // A breaker of the test's own client may still be open.
      const seen = await observe(platform).catch((error: unknown) => String(error));
      if (typeof seen === "string") {
        violations = [{ invariant: "the platform serves once faults stop", evidence: seen }];
        continue;
      }
      after = seen;
      violations = findViolations({ endedAlone, ledger, before, after, watched: watchers.watched, serialProducts });
    } while (violations.length > 0 && !giveUp.aborted && [...ledger.unexpected, ...endedAlone].length === 0);

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
      settledMs: Math.round(performance.now() - settling),
      violations,
      lastLines: violations.length === 0 ? {} : lastLines(platform),
    };
  } finally {
    await watchers.stop();
    await platform.dispose();
  }
}

/** Gives each watcher a position, by orders that are not part of the run, and looks at everything when they are done with. */
async function firstLook(
  platform: PlatformPrograms,
  watchers: Watchers,
  { low }: SerialProducts,
): Promise<Observation> {
  let orders = 0;
  while (!watchers.hasPositions()) {
    await platform.orders.createOrder({ userId: "1", items: [{ productId: low, quantity: 1 }] });
    orders++;
    await pause(100);
  }
  let seen = await observe(platform);
  while (
    watchers.watched.notificationChanges.length === 0 ||
    seen.notifications.length < orders ||
    isBehind(watchers, seen)
  ) {
    await pause(50);
    seen = await observe(platform);
  }
  watchers.forget();
  return seen;
}

/** Whether a watcher has yet to be told of the last thing that happened. */
function isBehind({ watched }: Watchers, { orders, notifications, products }: Observation): boolean {
  const last = watched.stockChanges.at(-1);
  return (
    watched.orderChanges.at(-1)?.orderId !== orders[0]?.id ||
    watched.notificationChanges.at(-1)?.notificationId !== notifications[0]?.id ||
    products.find(({ id }) => id === last?.productId)?.stock !== last?.stock
  );
}

/** Does the same for many, a few at a time: at rest the platform is not to be put under load. */
async function inBatches<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await work(next);
    }),
  );
}

function lastLines({ programs }: PlatformPrograms): CrashReport["lastLines"] {
  // Calls that went well are the most and say the least.
  const says = (line: string) => !line.includes('"code":"OK"');
  return Object.fromEntries(
    programs.map((each) => [each.name, each.output().trimEnd().split("\n").filter(says).slice(-lastLinesMax)]),
  );
}
