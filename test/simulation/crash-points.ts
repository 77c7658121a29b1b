import { type Run, runToTheEnd } from "./run-to-the-end.ts";
import { createLedger } from "./workload/ledger.ts";
import { visit } from "./workload/visit.ts";
import type { Seams } from "./world/seams.ts";
import { createWorld, type Point } from "./world/world.ts";

export interface CrashRun extends Run {
  /** The points that the run passed, by number from 1 on: `order commit`. */
  readonly points: readonly string[];
}

/** All runs of a seed differ in where processes end, and in nothing else. In this one calls go in batches, and mail goes to a server far away. */
const farMailSeed = 2;
/** The same, with a mail channel that needs no waiting. */
export const mailAtHandSeed = 3;

/** A short visit during which the process that passes one of these points ends there. Points are counted as they are passed. */
export async function visitWithCrashes(
  crashes: readonly number[],
  { seed = farMailSeed, ...options }: { readonly seams?: Seams; readonly seed?: number } = {},
): Promise<CrashRun> {
  const points: string[] = [];
  const endsAt = ({ number, life, name }: Point) => {
    points.push(`${life.name} ${name}`);
    return crashes.includes(number);
  };
  const world = createWorld({ seed, endsAt, ...options });
  const ledger = createLedger();
  const run = await runToTheEnd({ world, ledger, badMs: 0, people: () => visit(world, ledger) });
  return { ...run, points };
}
