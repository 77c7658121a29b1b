import { parseArgs } from "node:util";
import { plantedBugs } from "../planted-bugs/index.ts";
import type { SimulateOptions } from "../simulate.ts";
import { serviceNames } from "../world/seams.ts";

/** Differences from the unmodified platform. */
export interface Variant {
  /** The number of a planted bug, starting at 1. 0 for none. */
  readonly bug: number;
  /** Whether every service has two processes, in every seed. */
  readonly replicas: boolean;
}

/** The options of a simulation run. */
export interface CommandOptions extends Variant {
  /** Run only this seed and print its history. Undefined for many seeds. */
  readonly seed: number | undefined;
  readonly from: number;
  readonly count: number;
  /** The number of worker threads. */
  readonly workers: number;
  readonly crashPoints: boolean;
  readonly listBugs: boolean;
}

/** The default number of seeds. */
const countDefault = 200;
/** More threads would only compete for cores. */
const workersMax = 64;

export const usage = `npm run simulate -- [options]

  --seeds N         run N seeds (default ${countDefault}), beginning with --from (default 1)
  --seed N          run one seed and print all that happened
  --workers N       threads (default 2)
  --crash-points    end processes at every point of a short visit, and at every pair of points
  --replicas        two processes of every service in every seed
  --bugs            list the planted bugs
  --bug N           plant a bug, to see it found`;

/** The command line is invalid. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line. Throws {@link UsageError}. */
export function readOptions(args: readonly string[]): CommandOptions {
  const values = parse(args);
  return {
    seed: values.seed === undefined ? undefined : whole("--seed", values.seed, { least: 0, most: 0xffff_ffff }),
    from: whole("--from", values.from ?? "1", { least: 0, most: 0xffff_ffff }),
    count: whole("--seeds", values.seeds ?? String(countDefault), { least: 1, most: 100_000_000 }),
    workers: whole("--workers", values.workers ?? "2", { least: 1, most: workersMax }),
    bug: whole("--bug", values.bug ?? "0", { least: 0, most: plantedBugs.length }),
    crashPoints: values["crash-points"] ?? false,
    listBugs: values.bugs ?? false,
    replicas: values.replicas ?? false,
  };
}

/** The options of a simulated world: a planted bug, and the replicas that it needs. */
export function worldOptions({ bug, replicas }: Variant): SimulateOptions {
  const planted = plantedBugs[bug - 1];
  const replicated = replicas ? serviceNames : planted?.replicated;
  return {
    ...(planted && { seams: planted.seams }),
    ...(replicated && { replicated }),
    ...(planted?.losesTail && { losesTail: planted.losesTail }),
    ...(planted?.faults && { faults: planted.faults }),
  };
}

/** The options of a command that repeats it. */
export function variantText({ bug, replicas }: Variant): string {
  return `${bug === 0 ? "" : ` --bug ${bug}`}${replicas ? " --replicas" : ""}`;
}

function parse(args: readonly string[]) {
  const number = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    seed: number,
    seeds: number,
    from: number,
    workers: number,
    bug: number,
    bugs: flag,
    replicas: flag,
    "crash-points": flag,
  };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function whole(name: string, text: string, { least, most }: { readonly least: number; readonly most: number }): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${name} must be a whole number from ${least} to ${most}, and is ${text}.`);
}
