import { type Run, runToTheEnd } from "./run-to-the-end.ts";
import { buy, drawHabits } from "./workload/buyer.ts";
import { createLedger, forget } from "./workload/ledger.ts";
import { keepShop } from "./workload/shopkeeper.ts";
import type { DiskKind } from "./world/disks.ts";
import type { Failover } from "./world/failover.ts";
import { drawFaults, type Faults } from "./world/faults.ts";
import { createRandomness, type Randomness } from "./world/randomness.ts";
import { type Seams, type ServiceName, serviceNames } from "./world/seams.ts";
import { buyers } from "./world/services.ts";
import { createWorld } from "./world/world.ts";

/** How long faults occur, in simulated milliseconds. */
const badMs = 8_000;
/** The last moment of a failover, in simulated milliseconds: most users are still active. */
const failoverMsMax = 4_000;
/** The maximum number of a shopkeeper's changes. */
const changesMax = 6;

export interface SimulateOptions {
  readonly seams?: Seams;
  /** The services with two processes that share a database server. Default: as the seed decides. */
  readonly replicated?: readonly ServiceName[];
  /** Whether, or when, the server with all databases fails over to a standby that lacks the last commits. Default: as the seed decides. */
  readonly losesTail?: boolean | Failover;
  /** Faults in place of those that the seed draws. */
  readonly faults?: Partial<Faults>;
}

/** Runs all services with one seed and checks every invariant. The same seed gives the same run. */
export async function simulate(seed: number, { seams, ...options }: SimulateOptions = {}): Promise<Run> {
  const random = createRandomness(seed);
  const faults = { ...drawFaults(random.fork("faults")), ...options.faults };
  const habits = drawHabits(random.fork("habits"));
  const { replicated = drawReplicated(random.fork("processes")) } = options;
  const diskKind: DiskKind = random.fork("disks").chance(0.2) ? "files" : "memory";
  const failover = drawFailover(random.fork("failover"), options.losesTail);
  const world = createWorld({ seed, faults, replicated, diskKind, failover, ...(seams && { seams }) });
  const ledger = createLedger();
  world.onLostTail((lost) => world.history.note(`${forget(ledger, lost)} answers to clients may be lost with it`));
  world.history.note(
    `seed ${seed}, faults ${JSON.stringify(faults)}, habits ${JSON.stringify(habits)}, two processes of ${replicated.join(", ") || "no service"}, disks of ${diskKind}`,
  );
  return runToTheEnd({
    world,
    ledger,
    badMs,
    people: () =>
      Promise.all([
        ...buyers.map(({ id: userId }) => buy({ world, ledger, userId, habits })),
        keepShop({ world, ledger, changeCount: random.whole(0, changesMax) }),
      ]),
  });
}

/** Half of the worlds in which every service is replicated have one, a while before the faults end. */
function drawFailover(random: Randomness, isWanted: boolean | Failover = random.chance(0.5)): Failover | undefined {
  if (typeof isWanted === "object") return isWanted;
  const failover = { atMs: random.whole(500, failoverMsMax), lagMs: random.pick([20, 300, 1_500]) * random.next() };
  return isWanted ? failover : undefined;
}

/** In most seeds none; in one of five the order service alone, in one of ten every service. */
function drawReplicated(random: Randomness): readonly ServiceName[] {
  if (!random.chance(0.3)) return [];
  return random.chance(0.667) ? ["order"] : serviceNames;
}
