import { Worker } from "node:worker_threads";
import type { Violation } from "../invariants/violation.ts";
import type { Variant } from "./options.ts";

/** A job that violated invariants. */
export interface FailedJob {
  /** A seed, or the numbers of the points where processes crashed. */
  readonly job: readonly number[];
  readonly violations: readonly Violation[];
  readonly history: readonly string[];
}

/** Jobs for worker.ts: seeds, or crash points. */
export interface Jobs {
  readonly kind: "seed" | "crash-points";
  readonly variant: Variant;
  /** Assigned in this order. */
  readonly jobs: Iterable<readonly number[]>;
}

export interface RunManyOptions {
  readonly workers: number;
  /** Called with the number of finished jobs. */
  onProgress?(done: number): void;
  /** Called with each failed job. Returning true ends the run. */
  onFailure(failure: FailedJob): boolean;
}

/** A worker's response to a job. */
export type JobAnswer = FailedJob | undefined;

/** Runs jobs on worker threads. Returns the number of finished jobs. */
export async function runMany({ kind, variant, jobs }: Jobs, options: RunManyOptions): Promise<number> {
  const queue = jobs[Symbol.iterator]();
  let done = 0;
  let isOver = false;

  function work(): Promise<void> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: { kind, variant } });
    return new Promise<void>((resolve, reject) => {
      const next = () => {
        const job = isOver ? undefined : queue.next();
        if (job === undefined || job.done === true) resolve();
        else worker.postMessage(job.value);
      };
      worker.on("message", (failure: JobAnswer) => {
        done++;
        options.onProgress?.(done);
        if (failure !== undefined && options.onFailure(failure)) isOver = true;
        next();
      });
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`a worker ended with ${code}`)));
      next();
    }).finally(() => worker.terminate());
  }

  await Promise.all(Array.from({ length: options.workers }, work));
  return done;
}
