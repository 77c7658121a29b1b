import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { directGrpcJs, directHttp, directRpc, gatewayRest, gatewayRpc, type Way, waysTo } from "./hops-ways.ts";
import { type PinnedProcess, startPinned } from "./pinned-process.ts";
import { median, printTable } from "./table.ts";

/**
 * `npm run bench:hops`: the gateway's cost for a call. A hop is the same read by RPC, directly to the service; a call through
 * the gateway has two hops. Real processes, warmed up, rounds interleaved. `--rounds 7`, `--seconds 1`, `--warm 4`;
 * `--only "REST through the gateway"` for one way, `--profile DIR` for a CPU profile of the gateway.
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    warm: { type: "string", default: "4" },
    only: { type: "string" },
    profile: { type: "string" },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);

/** The maximum cost of REST through the gateway, in hops: it has two. */
const hopsMax = 2;

/**
 * The cost of a hop depends on the client. The limit applies with the most common client on Node and with the one that makes the
 * REST calls. Parley's own client is only reported: the client of a REST call alone costs as much as two of its calls, server
 * included.
 */
const hops: Readonly<Record<string, { readonly way: string; readonly held: boolean }>> = {
  "grpc-js": { way: directGrpcJs, held: true },
  "node:http, as the REST calls": { way: directHttp, held: true },
  "this repository's client": { way: directRpc, held: false },
};

/** The calls in flight when the rate is measured. */
const inFlightMany = 32;

/** Outside the ports of a running stack and of the other benchmarks. */
const ports = { user: 58_251, product: 58_252, gateway: 58_280 } as const;

interface Processes {
  readonly user: PinnedProcess;
  readonly product: PinnedProcess;
  readonly gateway: PinnedProcess;
}

interface Sample {
  readonly callsPerSecond: number;
  readonly p50Micros: number;
  /** CPU time by process, in microseconds per call. */
  readonly client: number;
  readonly gateway: number;
  readonly service: number;
  readonly all: number;
}

type Samples = ReadonlyMap<string, Sample>;

const folder = await mkdtemp(join(tmpdir(), "parley-hops-"));
const processes = await start();
try {
  const places = { user: url(ports.user), product: url(ports.product), gateway: url(ports.gateway) };
  const ways = waysTo(places).filter(({ name }) => options.only === undefined || name === options.only);
  for (const way of ways) {
    // Warms up: the code is compiled in all processes after some thousand calls.
    await measure(way, { inFlight: inFlightMany, seconds: Number(options.warm) });
  }
  const many = await compare(ways, inFlightMany);
  const alone = await compare(ways, 1);
  report("1 in flight", alone);
  report(`${inFlightMany} in flight`, many);
  if (options.only === undefined) {
    judge(alone, many);
  }
} finally {
  await Promise.all(Object.values(processes).map((each) => each.stop()));
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function start(): Promise<Processes> {
  const service = (name: keyof typeof ports, env: NodeJS.ProcessEnv) =>
    startPinned(join(import.meta.dirname, "..", "..", "packages", name, "src", "main.ts"), {
      core: "any",
      port: ports[name],
      env: {
        PORT: String(ports[name]),
        DATABASE_URL: `sqlite:${join(folder, `${name}.db`)}`,
        SAMPLE_DATA: "on",
        LOG_FORMAT: "json",
        ...env,
      },
    });
  const [user, product, gateway] = await Promise.all([
    service("user", {}),
    service("product", {}),
    service("gateway", {
      USER_SERVICE_URL: url(ports.user),
      PRODUCT_SERVICE_URL: url(ports.product),
      // No rate limit, because one caller makes all the load.
      RATE_LIMIT_PER_MINUTE: "0",
      ...(options.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${options.profile}` }),
    }),
  ]);
  return { user, product, gateway };
}

function url(port: number): string {
  return `http://127.0.0.1:${port}`;
}

async function compare(ways: readonly Way[], inFlight: number): Promise<Samples> {
  const samples = new Map<string, Sample[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      samples.get(way.name)?.push(await measure(way, { inFlight, seconds }));
    }
  }
  return new Map([...samples].map(([name, taken]) => [name, medians(taken)]));
}

async function measure(
  { call }: Way,
  { inFlight, seconds }: { readonly inFlight: number; readonly seconds: number },
): Promise<Sample> {
  const micros: number[] = [];
  const before = await cpuNow();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  async function work(): Promise<void> {
    for (let nowMs = performance.now(); nowMs < endMs; ) {
      await call();
      const thenMs = performance.now();
      micros.push((thenMs - nowMs) * 1000);
      nowMs = thenMs;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work));
  const tookMs = performance.now() - startMs;
  const after = await cpuNow();
  const each = (name: keyof typeof before) => (after[name] - before[name]) / micros.length;
  return {
    callsPerSecond: (micros.length / tookMs) * 1000,
    p50Micros: median(micros),
    client: each("client"),
    gateway: each("gateway"),
    service: each("service"),
    all: each("client") + each("gateway") + each("service"),
  };
}

async function cpuNow(): Promise<Readonly<Record<"client" | "gateway" | "service", number>>> {
  const [user, product, gateway] = await Promise.all([
    processes.user.cpuMicros(),
    processes.product.cpuMicros(),
    processes.gateway.cpuMicros(),
  ]);
  const own = process.cpuUsage();
  return { client: own.user + own.system, gateway, service: user + product };
}

function medians(samples: readonly Sample[]): Sample {
  const of = (pick: keyof Sample) => median(samples.map((sample) => sample[pick]));
  return {
    callsPerSecond: of("callsPerSecond"),
    p50Micros: of("p50Micros"),
    client: of("client"),
    gateway: of("gateway"),
    service: of("service"),
    all: of("all"),
  };
}

function report(title: string, samples: Samples): void {
  const hop = samples.get(directRpc);
  console.log(`\n${title}, median of ${rounds} rounds of ${seconds} s; processor time in µs a call`);
  printTable(
    ["way", "calls/s", "p50 µs", "hops", "client", "gateway", "service", "all", "hops"],
    [...samples].map(([name, sample]) => [
      name,
      Math.round(sample.callsPerSecond),
      Math.round(sample.p50Micros),
      (sample.p50Micros / (hop?.p50Micros ?? Number.NaN)).toFixed(2),
      Math.round(sample.client),
      Math.round(sample.gateway),
      Math.round(sample.service),
      Math.round(sample.all),
      (sample.all / (hop?.all ?? Number.NaN)).toFixed(2),
    ]),
  );
  const rpc = samples.get(gatewayRpc);
  const rest = samples.get(gatewayRest);
  if (rpc !== undefined && rest !== undefined) {
    console.log(
      `REST against RPC, both through the gateway: ${(rest.p50Micros / rpc.p50Micros).toFixed(2)} of the time`,
    );
  }
}

/** The limits apply to the latency of single calls, and to the CPU time with many calls in flight. */
function judge(alone: Samples, many: Samples): void {
  console.log(`\nREST through the gateway, in hops; the goal is ${hopsMax}`);
  for (const [caller, { way: hop, held }] of Object.entries(hops)) {
    printRatio(`time, 1 in flight, against ${caller}`, { held, times: ratio(alone, { of: "p50Micros", hop }) });
    printRatio(`processor time, ${inFlightMany} in flight, against ${caller}`, {
      held,
      times: ratio(many, { of: "all", hop }),
    });
  }
}

function printRatio(what: string, { held, times }: { readonly held: boolean; readonly times: number }): void {
  const holds = times <= hopsMax;
  console.log(`${held ? (holds ? "ok  " : "MISS") : "    "} ${times.toFixed(2)}  ${what}`);
  process.exitCode = holds || !held ? process.exitCode : 1;
}

function ratio(samples: Samples, { of, hop }: { readonly of: "p50Micros" | "all"; readonly hop: string }): number {
  const cost = (name: string) => samples.get(name)?.[of] ?? Number.NaN;
  return cost(gatewayRest) / cost(hop);
}
