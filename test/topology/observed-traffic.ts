import { firstLook } from "../crash/first-look.ts";
import type { PlatformClients } from "../crash/observation.ts";
import { seededRandom } from "../crash/random.ts";
import { createProducts } from "../crash/run-products.ts";
import { findFrom, untilRight } from "../crash/settle.ts";
import { startWatchers } from "../crash/watchers.ts";
import type { Program } from "../processes/program.ts";
import { expectNone } from "./checks.ts";
import { type Buyer, startTraffic, type Traffic } from "./traffic.ts";

/** Traffic, and an admin that has read the state before it and watches every change. */
export interface ObservedTraffic {
  readonly traffic: Traffic;
  /**
   * Stops the traffic, and checks the invariants of test/crash once everything has settled, and that all programs still run. Throws with the
   * violations. Returns the number of orders.
   */
  settle(programs: readonly Program[]): Promise<number>;
  stop(): Promise<void>;
}

export interface ObservedTrafficOptions {
  /** The clients of an admin. */
  readonly clients: PlatformClients;
  readonly adminId: string;
  readonly buyers: readonly Buyer[];
}

/** The slowest recovery: events that a lost consumer holds in Redis, after a backoff, and leases of PostgreSQL; with a margin. */
const settleMaxMs = 120_000;

export async function startObservedTraffic({
  clients,
  adminId,
  buyers,
}: ObservedTrafficOptions): Promise<ObservedTraffic> {
  const random = seededRandom(18);
  const { serialProducts, plentyIds } = await createProducts(clients);
  const watchers = startWatchers(clients, random);
  try {
    const before = await firstLook(clients, watchers, { low: serialProducts.low, userId: adminId });
    const traffic = startTraffic({ buyers, productIds: plentyIds, serialProducts, random });
    return {
      traffic,
      async settle(programs) {
        await traffic.stop();
        const { ledger } = traffic;
        const endedAlone = programs
          .filter((program) => !program.isRunning())
          .map((program) => `${program.name} ended:\n${program.output().slice(-2_000)}`);
        const look = () => findFrom(clients, { ledger, endedAlone, before, serialProducts, watched: watchers.watched });
        const { violations } = await untilRight(look, AbortSignal.timeout(settleMaxMs));
        expectNone(
          "violations",
          violations.map(({ invariant, evidence: line }) => `${invariant}: ${line}`),
        );
        return ledger.requests.length;
      },
      async stop() {
        await traffic.stop();
        await watchers.stop();
      },
    };
  } catch (error) {
    await watchers.stop();
    throw error;
  }
}
