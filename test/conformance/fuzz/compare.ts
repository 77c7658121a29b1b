import { isDeepStrictEqual } from "node:util";
import { allowedDifference } from "./allowed-difference.ts";
import { mutatedRequest, type WireRequest } from "./mutated-request.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { createSender } from "./send.ts";
import type { TwoPaths } from "./two-paths.ts";

/** A request with different responses on the two paths. */
export interface Difference {
  readonly seed: number;
  readonly request: WireRequest;
  readonly fast: unknown;
  readonly stock: unknown;
}

export interface ComparisonOptions {
  /** The seed of the first request. The seeds of the others follow. */
  readonly firstSeed: number;
  readonly count: number;
  /** The number of concurrent requests. 32 by default. */
  readonly atOnce?: number;
  /** Comparison ends after this many differences. 10 by default. */
  readonly differencesMax?: number;
  onProgress?(done: number): void;
}

interface Answers {
  readonly fast: Outcome;
  readonly stock: Outcome;
}

/** The maximum number of suspects. This many are not noise, and end the comparison. */
const suspectsMax = 200;

/** Sends the same mutated requests to both paths, and returns those with different responses. */
export async function comparePaths(
  { fast, stock }: Pick<TwoPaths, "fast" | "stock">,
  { firstSeed, count, atOnce = 32, differencesMax = 10, onProgress }: ComparisonOptions,
): Promise<readonly Difference[]> {
  const senders = [createSender(fast.url), createSender(stock.url)] as const;
  const suspects: { readonly seed: number; readonly request: WireRequest }[] = [];
  let next = 0;

  async function answersOf(request: WireRequest): Promise<Answers> {
    const answers = await Promise.all(senders.map((sender) => sender.send(request)));
    const [fastOutcome = {}, stockOutcome = {}] = answers.map((answer) => outcomeOf(request, answer));
    return { fast: fastOutcome, stock: stockOutcome };
  }

  async function answersAlike(request: WireRequest): Promise<boolean> {
    const answers = await answersOf(request);
    return isDeepStrictEqual(answers.fast, answers.stock) || allowedDifference(request, answers);
  }

  async function worker() {
    while (next < count && suspects.length < suspectsMax) {
      const seed = firstSeed + next++;
      const request = mutatedRequest(seed);
      if (!(await answersAlike(request))) {
        suspects.push({ seed, request });
      }
      onProgress?.(next);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
  const differences: Difference[] = [];
  for (const { seed, request } of suspects) {
    // On a busy machine one path may exceed a call's deadline of a second where the other does not. Repeats the request alone to
    // exclude that.
    if (differences.length < differencesMax && !(await answersAlike(request)) && !(await answersAlike(request))) {
      differences.push({ seed, request, ...(await answersOf(request)) });
    }
  }
  for (const sender of senders) {
    sender.close();
  }
  return differences;
}
