import { isDeepStrictEqual } from "node:util";
import { allowedDifference } from "./allowed-difference.ts";
import { mutatedRequest, type WireRequest } from "./mutated-request.ts";
import { outcomeOf } from "./outcome.ts";
import { createSender } from "./send.ts";
import type { TwoPaths } from "./two-paths.ts";

/** A request that the two paths answer differently. */
export interface Difference {
  readonly seed: number;
  readonly request: WireRequest;
  readonly fast: unknown;
  readonly stock: unknown;
}

export interface ComparisonOptions {
  /** The seed of the first request; the others follow on. */
  readonly firstSeed: number;
  readonly count: number;
  /** How many requests are under way at once. 32 by default. */
  readonly atOnce?: number;
  /** Comparison ends after this many differences. 10 by default. */
  readonly differencesMax?: number;
  onProgress?(done: number): void;
}

/** Sends the same mutated requests down both paths, and answers those that were not answered alike. */
export async function comparePaths(
  { fast, stock }: Pick<TwoPaths, "fast" | "stock">,
  { firstSeed, count, atOnce = 32, differencesMax = 10, onProgress }: ComparisonOptions,
): Promise<readonly Difference[]> {
  const senders = [createSender(fast.url), createSender(stock.url)] as const;
  const differences: Difference[] = [];
  let next = 0;
  async function worker() {
    while (next < count && differences.length < differencesMax) {
      const seed = firstSeed + next++;
      const request = mutatedRequest(seed);
      const answers = await Promise.all(senders.map((sender) => sender.send(request)));
      const [fastOutcome = {}, stockOutcome = {}] = answers.map((answer) => outcomeOf(request, answer));
      if (
        !isDeepStrictEqual(fastOutcome, stockOutcome) &&
        !allowedDifference(request, { fast: fastOutcome, stock: stockOutcome })
      ) {
        differences.push({ seed, request, fast: fastOutcome, stock: stockOutcome });
      }
      onProgress?.(next);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
  for (const sender of senders) {
    sender.close();
  }
  return differences;
}
