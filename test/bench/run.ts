import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareClients } from "./client-comparison.ts";
import { echoPath } from "./contract.ts";
import { load, tool } from "./load.ts";
import { type PinnedProcess, pins, startPinned } from "./pinned-process.ts";
import { type Contender, payloads, type Scenario, scenarios } from "./scenarios.ts";
import { median, printTable } from "./table.ts";

/**
 * `npm run bench`: compares servers and clients, rounds interleaved, one core for the server and one for the load. `--quick` for
 * a rough result, `--only gRPC` (or `client`), `--payload 158`, `--rounds 5`, `--seconds 3`.
 */
const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    payload: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 1 : 3));

/** The medians of one contender's rounds. */
interface Row {
  readonly scenario: string;
  readonly payload: number;
  readonly contender: string;
  readonly callsPerSecond: number;
  readonly cpuMicrosPerCall: number;
  readonly p99Ms: number;
  readonly failed: number;
}

interface Running {
  readonly contender: Contender;
  readonly process: PinnedProcess;
  readonly samples: { readonly rate: number; readonly cpu: number; readonly p99Ms: number; readonly failed: number }[];
}

async function compareServers(scenario: Scenario, payload: number): Promise<readonly Row[]> {
  const running: Running[] = [];
  for (const contender of scenario.contenders.filter(({ payloadMax = payload }) => payload <= payloadMax)) {
    const file = join(import.meta.dirname, "contenders", contender.file);
    running.push({ contender, process: await startPinned(file, { args: contender.args ?? [] }), samples: [] });
  }
  // One additional round to warm up.
  for (let round = 0; round <= rounds; round++) {
    for (const each of running) {
      await measure(each, { scenario, payload, warmUp: round === 0 });
    }
  }
  await Promise.all(running.map(({ process }) => process.stop()));
  return running.map(({ contender, samples }) => ({
    scenario: scenario.name,
    payload,
    contender: contender.name,
    callsPerSecond: median(samples.map(({ rate }) => rate)),
    cpuMicrosPerCall: median(samples.map(({ cpu }) => cpu)),
    p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
    failed: samples.reduce((sum, { failed }) => sum + failed, 0),
  }));
}

async function measure(
  { process, samples }: Running,
  { scenario, payload, warmUp }: { readonly scenario: Scenario; readonly payload: number; readonly warmUp: boolean },
): Promise<void> {
  const before = await process.cpuMicros();
  const result = await load({
    url: `http://127.0.0.1:${process.port}${echoPath}`,
    contentType: scenario.contentType,
    body: scenario.body(payload),
    httpVersion: scenario.httpVersion,
    seconds,
  });
  const cpu = ((await process.cpuMicros()) - before) / result.calls;
  if (!warmUp) {
    samples.push({ rate: result.callsPerSecond, cpu, p99Ms: result.p99Ms, failed: result.failed });
  }
}

function printRatios(rows: readonly Row[], { bars }: Scenario): void {
  const [first] = rows;
  console.log(`\n${first?.scenario}, ${first?.payload} characters`);
  printTable(
    ["server", "calls/s", "CPU µs/call", "p99 ms", "failed"],
    rows.map((row) => [
      row.contender,
      Math.round(row.callsPerSecond),
      row.cpuMicrosPerCall.toFixed(1),
      row.p99Ms.toFixed(2),
      row.failed,
    ]),
  );
  const rate = (name: string) => rows.find(({ contender }) => contender === name)?.callsPerSecond;
  for (const { of, to, atLeast } of bars.filter(({ payload }) => payload === first?.payload)) {
    const [ours, theirs] = [rate(of), rate(to)];
    if (ours !== undefined && theirs !== undefined) {
      const ratio = ours / theirs;
      console.log(`${ratio >= atLeast ? "ok  " : "MISS"} ${of} is ${ratio.toFixed(2)} × ${to}; the goal is ${atLeast}`);
    }
  }
}

console.log(
  `load by ${tool}, ${pins ? "server and load pinned to one core each" : "nothing pinned"}, ${rounds} rounds of ${seconds} s`,
);
const rows: Row[] = [];
for (const scenario of scenarios.filter(({ name }) => options.only === undefined || name.startsWith(options.only))) {
  for (const payload of payloads.filter((each) => options.payload === undefined || each === Number(options.payload))) {
    const found = await compareServers(scenario, payload);
    printRatios(found, scenario);
    rows.push(...found);
  }
}
const clients =
  options.only === undefined || options.only === "client" ? await compareClients({ rounds, quick: options.quick }) : [];
const folder = join(import.meta.dirname, "dist");
await mkdir(folder, { recursive: true });
const file = join(folder, "bench.json");
await writeFile(
  file,
  JSON.stringify({ date: new Date().toISOString(), tool, pins, rounds, seconds, rows, clients }, null, 2),
);
console.log(`\nresults: ${file}`);
