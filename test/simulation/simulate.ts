import { readUnfinished } from "./invariants/books.ts";
import { checkInvariants } from "./invariants/check.ts";
import type { Violation } from "./invariants/violation.ts";
import { buy, drawHabits } from "./workload/buyer.ts";
import { createLedger, type Ledger } from "./workload/ledger.ts";
import { keepShop } from "./workload/shopkeeper.ts";
import { drawFaults, slowMsMax } from "./world/faults.ts";
import { createRandomness } from "./world/randomness.ts";
import type { Seams } from "./world/seams.ts";
import { buyers } from "./world/services.ts";
import { createWorld, type World } from "./world/world.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** A bug to plant. Default: none. */
  readonly seams?: Seams;
}

/** What came of a seed. */
export interface Simulation {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** What happened, line by line. */
  readonly history: readonly string[];
  /** Two runs of a seed were the same if these are. */
  readonly hash: string;
  readonly orderCount: number;
}

/** How long the world is bad, in simulated milliseconds. */
const badMs = 8_000;
/** How long everything may take to settle afterwards: several times the longest wait of any retry or lease. */
export const settleMsMax = 180_000;
/** How often it is looked whether everything has settled. */
const lookMs = 500;

/** Runs all services through one seed, and checks every promise. */
export async function simulate({ seed, seams }: SimulationOptions): Promise<Simulation> {
  const faults = drawFaults(createRandomness(seed).fork("faults"));
  const world = createWorld({ seed, faults, ...(seams === undefined ? {} : { seams }) });
  const ledger = createLedger();
  world.history.note(`seed ${seed}, faults ${JSON.stringify(faults)}`);
  try {
    void world.start();
    const isDone = begin(world, ledger);
    await world.time.run(badMs);
    world.heal();
    await settle(world, isDone);
    const violations = checkInvariants(world, ledger);
    for (const { invariant, message } of violations) world.history.note(`VIOLATION ${invariant}: ${message}`);
    const { lines } = world.history;
    return { seed, violations, history: lines, hash: world.history.hash(), orderCount: ledger.orders.length };
  } finally {
    world.dispose();
  }
}

/** Lets people in. Answers whether all of them have done what they came for. */
function begin(world: World, ledger: Ledger): () => boolean {
  const { random } = world;
  const habits = drawHabits(random.fork("habits"));
  const people = [
    ...buyers.map(({ id }) => buy({ world, ledger, userId: id, habits })),
    keepShop({ world, ledger, changeCount: random.whole(0, 6) }),
  ];
  let isDone = false;
  void Promise.all(people).then(
    () => {
      isDone = true;
    },
    (error: unknown) => {
      isDone = true;
      ledger.strange.push(`the workload failed: ${error instanceof Error ? error.stack : error}`);
    },
  );
  return () => isDone;
}

/** Goes on until nothing is left to be done and no message is under way, or until that should have been long ago. */
async function settle(world: World, isDone: () => boolean): Promise<void> {
  const { time } = world;
  const limitMs = time.monotonic() + settleMsMax;
  const hasSettled = () => isDone() && world.messagesUnderWay === 0 && Object.keys(readUnfinished(world)).length === 0;
  // Something may still be begun by a message that just came, so it must have settled twice.
  for (let settled = 0; settled < 2 && time.monotonic() < limitMs; ) {
    await time.run(time.monotonic() + lookMs);
    settled = hasSettled() ? settled + 1 : 0;
  }
  if (slowMsMax > settleMsMax) throw new Error("Slow messages outlive the simulation.");
}
