// Runs the simulation from a terminal: `npm run simulate -- --seeds 2000`. Exits with 1 if an invariant was violated.
import { visitWithCrashes } from "../crash-points.ts";
import { plantedBugs } from "../planted-bugs/index.ts";
import { simulate } from "../simulate.ts";
import {
  type CommandOptions,
  readOptions,
  UsageError,
  usage,
  type Variant,
  variantText,
  worldOptions,
} from "./options.ts";
import { type FailedJob, type Jobs, runMany } from "./run-many.ts";

/** The maximum number of failures that are printed. Further ones are only counted. */
const failuresPrintedMax = 10;
/** The run stops after this many failures. */
const failuresMax = 100;
/** The maximum number of history lines printed for the first failure: its last lines, which contain the violations. */
const linesPrintedMax = 1_000;
/** The interval of progress reports, in milliseconds. */
const progressMs = 5_000;

try {
  process.exitCode = (await run(readOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}

/** Returns true if no invariant was violated. */
async function run(options: CommandOptions): Promise<boolean> {
  if (options.listBugs) {
    plantedBugs.forEach(({ name, breaks }, index) => {
      console.log(`${index + 1}  ${name} (breaks ${breaks.join(", ")})`);
    });
    return true;
  }
  if (options.seed !== undefined) return await runOne(options.seed, options);
  return options.crashPoints ? await runCrashPoints(options) : await runSeeds(options);
}

async function runOne(seed: number, variant: Variant): Promise<boolean> {
  const { history, hash, violations } = await simulate(seed, worldOptions(variant));
  console.log(history.join("\n"));
  console.log(`seed ${seed}: ${history.length} lines, hash ${hash}, ${violations.length} violations`);
  return violations.length === 0;
}

async function runSeeds(options: CommandOptions): Promise<boolean> {
  const { from, count } = options;
  const jobs = (function* () {
    for (let seed = from; seed < from + count; seed++) yield [seed];
  })();
  return await runJobs(
    { kind: "seed", variant: variantOf(options), jobs },
    { ...options, what: "seeds", total: count },
  );
}

async function runCrashPoints(options: CommandOptions): Promise<boolean> {
  const world = worldOptions(options);
  const { points } = await visitWithCrashes([], world);
  const jobs: number[][] = [];
  for (let first = 1; first <= points.length; first++) {
    jobs.push([first]);
    const again = await visitWithCrashes([first], world);
    for (let second = first + 1; second <= again.points.length; second++) jobs.push([first, second]);
  }
  console.log(`${points.length} points: ${points.join(", ")}`);
  return await runJobs(
    { kind: "crash-points", variant: variantOf(options), jobs },
    { ...options, what: "crashes", total: jobs.length },
  );
}

function variantOf({ bug, replicas }: CommandOptions): Variant {
  return { bug, replicas };
}

interface Report extends Pick<CommandOptions, "workers"> {
  readonly what: string;
  readonly total: number;
}

async function runJobs(jobs: Jobs, { workers, what, total }: Report): Promise<boolean> {
  const startMs = performance.now();
  let printedMs = startMs;
  let failed = 0;
  const done = await runMany(jobs, {
    workers: Math.min(workers, total),
    onProgress(count) {
      if (performance.now() - printedMs < progressMs) return;
      printedMs = performance.now();
      const perSecond = (1000 * count) / (printedMs - startMs);
      console.log(`${count} of ${total} ${what}, ${perSecond.toFixed(0)} a second, ${failed} with violations`);
    },
    onFailure(failure) {
      failed++;
      if (failed <= failuresPrintedMax) printFailure(failure, { isFirst: failed === 1, jobs });
      return failed >= failuresMax;
    },
  });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${done} ${what} in ${seconds} s: ${failed} with violations`);
  return failed === 0;
}

function printFailure(
  { job, violations, history }: FailedJob,
  { isFirst, jobs: { kind, variant } }: { readonly isFirst: boolean; readonly jobs: Jobs },
): void {
  if (isFirst) console.log(history.slice(-linesPrintedMax).join("\n"));
  for (const { invariant, message } of violations.slice(0, failuresPrintedMax)) {
    console.log(`${kind} ${job.join(" and ")}: ${invariant}: ${message}`);
  }
  if (kind === "seed") console.log(`replay: npm run simulate -- --seed ${job[0]}${variantText(variant)}`);
}
