import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type PinnedProcess, pins, startPinned } from "../pinned-process.ts";
import { median, printTable } from "../table.ts";
import { Driver, type DriverReport, type DriverWork } from "./driver-work.ts";

/**
 * `npm run bench:streams`: streams of 161-byte messages over gRPC, against grpc-js and stock Connect. Rounds interleaved, one
 * core for the server and one for the client. `--quick` for a rough result, `--only "one stream"`, `--rounds 5`.
 */
const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const size = options.quick ? 0.2 : 1;
const watchers = 10_000;

interface Contender {
  readonly name: string;
  readonly file: string;
  readonly args?: readonly string[];
}

const contenders: readonly Contender[] = [
  { name: "parley", file: "parley.ts" },
  { name: "parley, RPC_PATH=stock", file: "parley.ts", args: ["stock"] },
  { name: "grpc-js", file: "grpc-js.ts" },
  { name: "connect-fastify", file: "connect-fastify.ts" },
];

interface Scenario {
  readonly name: string;
  readonly connections: number;
  readonly work: DriverWork;
  /** The number of idle watchers during the measurement. */
  readonly watchers?: number;
  /** The minimum ratio to the message rate of grpc-js. */
  readonly atLeast?: number;
}

const scenarios: readonly Scenario[] = [
  {
    name: "one stream",
    connections: 1,
    work: { kind: "repeat", streams: 1, messages: Math.round(500_000 * size) },
    atLeast: 3,
  },
  {
    name: "1,000 streams",
    connections: 4,
    work: { kind: "repeat", streams: 1_000, messages: Math.round(300 * size) },
    atLeast: 3,
  },
  {
    name: "fan-out to 10,000 watchers",
    connections: 10,
    work: { kind: "publish", times: Math.max(2, Math.round(5 * size)), watchers },
    watchers,
  },
  {
    name: "ping-pong on 64 streams",
    connections: 4,
    work: { kind: "chat", streams: 64, messages: Math.round(1_000 * size) },
  },
];

const watcherBytesMax = 8 * 1024;
const heapReport = join(import.meta.dirname, "..", "heap-report.ts");

interface Running {
  readonly contender: Contender;
  readonly server: PinnedProcess;
  readonly driver: Driver;
  readonly watcherBytes: number;
  readonly samples: { readonly rate: number; readonly cpu: number }[];
}

async function start(contender: Contender, scenario: Scenario): Promise<Running> {
  const file = join(import.meta.dirname, "contenders", contender.file);
  const server = await startPinned(file, { args: contender.args ?? [], imports: [heapReport] });
  const driver = new Driver();
  await driver.run({ kind: "open", port: server.port, connections: scenario.connections });
  let watcherBytes = Number.NaN;
  if (scenario.watchers !== undefined) {
    // The first watchers also load and compile the shared code.
    await driver.run({ kind: "watch", streams: warmUpWatchers });
    const before = await server.memory();
    await driver.run({ kind: "watch", streams: scenario.watchers - warmUpWatchers });
    const after = await settled(server, before.heapBytes);
    watcherBytes = (after - before.heapBytes) / (scenario.watchers - warmUpWatchers);
  }
  return { contender, server, driver, watcherBytes, samples: [] };
}

const warmUpWatchers = 100;

/** The heap once it no longer grows: then all streams are open. */
async function settled(server: PinnedProcess, before: number): Promise<number> {
  let last = before;
  for (let look = 0; look < 20; look++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { heapBytes } = await server.memory();
    if (heapBytes < last * 1.01 && heapBytes > before * 1.05) {
      return heapBytes;
    }
    last = heapBytes;
  }
  return last;
}

async function measure({ server, driver, samples }: Running, work: DriverWork, warmUp: boolean): Promise<void> {
  const before = await server.cpuMicros();
  const report: DriverReport = await driver.run(work);
  const cpu = ((await server.cpuMicros()) - before) / report.messages;
  if (!warmUp) {
    samples.push({ rate: report.messages / report.seconds, cpu });
  }
}

interface Row {
  readonly scenario: string;
  readonly contender: string;
  readonly messagesPerSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly watcherBytes: number;
}

async function compare(scenario: Scenario): Promise<readonly Row[]> {
  const running: Running[] = [];
  for (const contender of contenders) {
    running.push(await start(contender, scenario));
  }
  for (let round = 0; round <= rounds; round++) {
    for (const each of running) {
      await measure(each, scenario.work, round === 0);
    }
  }
  for (const { server, driver } of running) {
    driver.stop();
    await server.stop();
  }
  return running.map(({ contender, samples, watcherBytes }) => ({
    scenario: scenario.name,
    contender: contender.name,
    messagesPerSecond: median(samples.map(({ rate }) => rate)),
    cpuMicrosPerMessage: median(samples.map(({ cpu }) => cpu)),
    watcherBytes,
  }));
}

let held = true;

function printGoal(holds: boolean, words: string): void {
  held &&= holds;
  console.log(`${holds ? "ok  " : "MISS"} ${words}`);
}

function show(rows: readonly Row[], { name, atLeast, watchers: watching }: Scenario): void {
  console.log(`\n${name}`);
  printTable(
    ["server", "messages/s", "CPU µs/message", ...(watching === undefined ? [] : ["heap KiB/watcher"])],
    rows.map((row) => [
      row.contender,
      Math.round(row.messagesPerSecond),
      row.cpuMicrosPerMessage.toFixed(2),
      ...(watching === undefined ? [] : [(row.watcherBytes / 1024).toFixed(1)]),
    ]),
  );
  const of = (contender: string) => rows.find((row) => row.contender === contender);
  const [ours, theirs] = [of("parley"), of("grpc-js")];
  if (ours === undefined || theirs === undefined) {
    return;
  }
  const ratio = ours.messagesPerSecond / theirs.messagesPerSecond;
  const byCpu = theirs.cpuMicrosPerMessage / ours.cpuMicrosPerMessage;
  const words = `parley is ${ratio.toFixed(2)} × grpc-js by messages/s, ${byCpu.toFixed(2)} × by CPU`;
  if (atLeast === undefined) {
    console.log(`     ${words}`);
  } else {
    printGoal(ratio >= atLeast, `${words}; the goal is ${atLeast}`);
  }
  if (watching !== undefined) {
    printGoal(ours.watcherBytes <= watcherBytesMax, `an idle watcher takes at most ${watcherBytesMax / 1024} KiB`);
  }
}

console.log(
  `${pins ? "server and driver pinned to one core each" : "nothing pinned"}, ${rounds} rounds after one that warms up`,
);
const rows: Row[] = [];
for (const scenario of scenarios.filter(({ name }) => options.only === undefined || name.startsWith(options.only))) {
  const found = await compare(scenario);
  show(found, scenario);
  rows.push(...found);
}
const folder = join(import.meta.dirname, "..", "dist");
await mkdir(folder, { recursive: true });
const file = join(folder, "streams.json");
await writeFile(file, JSON.stringify({ date: new Date().toISOString(), pins, rounds, rows }, null, 2));
console.log(`\nresults: ${file}`);
process.exitCode = held ? 0 : 1;
