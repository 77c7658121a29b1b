import { type Run, runToTheEnd } from "./run-to-the-end.ts";
import { createLedger } from "./workload/ledger.ts";
import { visit } from "./workload/visit.ts";
import type { Seams } from "./world/seams.ts";
import { createWorld, type Point } from "./world/world.ts";

export interface CrashRun extends Run {
  /** The points that the run passed, by number from 1 on: `order commit`. */
  readonly points: readonly string[];
}

/** All runs differ in where processes end, and in nothing else. */
const seed = 1;

/** A short visit during which the process that passes one of these points ends there. Points are counted as they are passed. */
export async function visitWithCrashes(
  crashes: readonly number[],
  options: { readonly seams?: Seams } = {},
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
