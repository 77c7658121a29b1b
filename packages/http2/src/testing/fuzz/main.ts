import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { fuzz } from "./fuzz.ts";

/**
 * `npm run fuzz:http2`: generated sequences of frames against HTTP/2 connections, both roles. `-- --sequences 1000000` is the nightly form;
 * `--seed N --sequences 1` repeats one.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      sequences: { type: "string", default: "20000" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    },
  });
  const sequences = Number(values.sequences);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(sequences) || sequences < 1 || !Number.isSafeInteger(seed)) {
    console.error("--sequences and --seed must be whole numbers");
    process.exitCode = 2;
    return;
  }
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heldBytes: number[] = [];
  const report = await fuzz({
    seed,
    sequences,
    onProgress(done) {
      if (done % sampleEvery === 0) {
        collect();
        const { heapUsed, external } = process.memoryUsage();
        heldBytes.push(heapUsed + external);
      }
    },
  });
  for (const { seed: failed, problem, frames } of report.failures) {
    console.log(`✗ seed ${failed}: ${problem}\n  ${frames.join("\n  ")}`);
  }
  const grownMib = growthOf(heldBytes) / 2 ** 20;
  if (grownMib > growthMaxMib) {
    console.log(`✗ memory grew by ${grownMib.toFixed(1)} MiB`);
  }
  console.log(
    `${report.sequences} sequences from seed ${seed}: ${report.valid} were valid, ${report.destroyed} ended their connection, ` +
      `memory grew by ${grownMib.toFixed(1)} MiB, the longest took ${report.cpuMostMs.toFixed(0)} ms of CPU time`,
  );
  const failed = report.failures.length + (grownMib > growthMaxMib ? 1 : 0);
  console.log(`${report.sequences - report.failures.length} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

const sampleEvery = 5_000;
const samplesMin = 5;
const growthMaxMib = 8;

/** The growth of the minimum: buffers that are free but not yet returned come and go in between. */
function growthOf(heldBytes: readonly number[]): number {
  if (heldBytes.length < 2 * samplesMin) {
    return 0;
  }
  return Math.max(0, Math.min(...heldBytes.slice(-samplesMin)) - Math.min(...heldBytes.slice(0, samplesMin)));
}

await main();
