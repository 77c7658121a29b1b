// A worker thread that runs jobs in sequence. Each message is a job; the response lists its violations.
import { parentPort, workerData } from "node:worker_threads";
import { visitWithCrashes } from "../crash-points.ts";
import { simulate } from "../simulate.ts";
import { worldOptions } from "./options.ts";
import type { JobAnswer, Jobs } from "./run-many.ts";

// Thousands of simulated connections fail; their errors need no stack traces.
Error.stackTraceLimit = 0;

const { kind, variant } = workerData as Pick<Jobs, "kind" | "variant">;
const options = worldOptions(variant);

parentPort?.on("message", async (job: readonly number[]) => {
  const run = kind === "seed" ? await simulate(job[0] ?? 0, options) : await visitWithCrashes(job, options);
  const { violations, history } = run;
  const answer: JobAnswer = violations.length === 0 ? undefined : { job, violations, history };
  parentPort?.postMessage(answer);
});
