import { readUnfinished } from "./invariants/books.ts";
import { checkInvariants } from "./invariants/check.ts";
import type { Violation } from "./invariants/violation.ts";
import type { Ledger } from "./workload/ledger.ts";
import type { World } from "./world/world.ts";

/** The result of a run. */
export interface Run {
  readonly violations: readonly Violation[];
  /** The history of the run, line by line. */
  readonly history: readonly string[];
  /** Two runs are the same if their hashes are equal. */
  readonly hash: string;
}

export interface RunOptions {
  readonly world: World;
  readonly ledger: Ledger;
  /** The users' actions. The run lasts at least until they finish. */
  readonly people: () => Promise<unknown>;
  /** How long faults occur, in simulated milliseconds. */
  readonly badMs: number;
}

/** The maximum time to settle after the faults: several times the longest wait of any retry or lease. */
export const settleMsMax = 180_000;
/** The interval of checking whether everything has settled. */
const lookMs = 500;

/** Runs a world until all work has finished or the settle time has passed, and checks every invariant. */
export async function runToTheEnd({ world, ledger, people, badMs }: RunOptions): Promise<Run> {
  const { time, history } = world;
  const broken = (what: string, error: unknown) =>
    ledger.strange.push(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const unhandled = (error: unknown) => broken("an unhandled failure", error);
  process.on("unhandledRejection", unhandled);
  try {
    world.start();
    let isDone = false;
    void people()
      .catch((error: unknown) => broken("the users' actions failed", error))
      .then(() => {
        isDone = true;
      });
    await time.run(badMs);
    world.heal();
    await settle(world, () => isDone);
    const violations = checkInvariants(world, ledger);
    for (const { invariant, message } of violations) history.note(`VIOLATION ${invariant}: ${message}`);
    return { violations, history: history.lines, hash: history.hash() };
  } finally {
    process.off("unhandledRejection", unhandled);
    world.dispose();
  }
}

/** Continues until no work is left and no message is in flight. */
async function settle(world: World, isDone: () => boolean): Promise<void> {
  const { time } = world;
  const limitMs = time.monotonic() + settleMsMax;
  const hasSettled = () => isDone() && world.isQuiet && Object.keys(readUnfinished(world)).length === 0;
  // A message that just arrived may start work, so the world must be settled twice in a row.
  for (let settledCount = 0; settledCount < 2 && time.monotonic() < limitMs; ) {
    await time.run(time.monotonic() + lookMs);
    settledCount = hasSettled() ? settledCount + 1 : 0;
  }
}
