import { type Run, runToTheEnd } from "./run-to-the-end.ts";
import { createLedger } from "./workload/ledger.ts";
import { visit } from "./workload/visit.ts";
import { createWorld, type Point, type WorldOptions } from "./world/world.ts";

export interface CrashRun extends Run {
  /** The names of the points that the run passed, in order, such as `order commit`. The first has number 1. */
  readonly points: readonly string[];
}

/** All runs of a seed differ only in where processes crash. In this one calls are batched, and mail goes to a remote server. */
const farMailSeed = 2;
/** The same with a mail channel that responds at once. */
export const mailAtHandSeed = 3;

export interface VisitOptions extends Pick<WorldOptions, "seams" | "replicated"> {
  readonly seed?: number;
}

/** A short visit in which the process that reaches one of these points crashes there. Points are numbered as they are reached. */
export async function visitWithCrashes(
  crashes: readonly number[],
  { seed = farMailSeed, seams = {}, replicated = [] }: VisitOptions = {},
): Promise<CrashRun> {
  const points: string[] = [];
  const endsAt = ({ number, life, name }: Point) => {
    points.push(`${life.name} ${name}`);
    return crashes.includes(number);
  };
  const world = createWorld({ seed, endsAt, seams, replicated });
  const ledger = createLedger();
  const run = await runToTheEnd({ world, ledger, badMs: 0, people: () => visit(world, ledger) });
  return { ...run, points };
}
