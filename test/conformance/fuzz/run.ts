import { inspect } from "node:util";
import { comparePaths } from "./compare.ts";
import { serveTwoPaths } from "./two-paths.ts";

/**
 * `npm run fuzz`: sends a million mutated requests to the fast path and to the stock path, whose responses must be the same.
 * `npm run fuzz -- 5000 17` sends 5,000, starting at seed 17.
 */
async function main([count = "1000000", firstSeed = String(Date.now() % 1_000_000_000)]: string[]): Promise<number> {
  const paths = await serveTwoPaths();
  const total = Number(count);
  let printedMs = Date.now();
  console.log(`${total} requests from seed ${firstSeed} on`);
  const differences = await comparePaths(paths, {
    firstSeed: Number(firstSeed),
    count: total,
    onProgress(done) {
      if (Date.now() - printedMs >= 5_000) {
        printedMs = Date.now();
        const { heapUsed, rss } = process.memoryUsage();
        console.log(`${done} of ${total}; heap ${megabytes(heapUsed)}, resident ${megabytes(rss)}`);
      }
    },
  });
  for (const difference of differences) {
    console.log(inspect(difference, { depth: 8, maxStringLength: 300, breakLength: 120 }));
  }
  const left = await paths.callsInFlight();
  console.log(`${differences.length} differences; calls left in flight: ${left.join(" and ")}`);
  await paths.close();
  return differences.length === 0 && left.every((calls) => calls === 0) ? 0 : 1;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

process.exitCode = await main(process.argv.slice(2));
