import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { directGrpcJs, directRpc, gatewayRest, gatewayRpc, type Way, waysTo } from "./hops-ways.ts";
import { type PinnedProcess, startPinned } from "./pinned-process.ts";
import { median, printTable } from "./table.ts";

/**
 * `npm run bench:hops`: what the gateway adds to a call. The same read directly by gRPC (one hop), by gRPC through the gateway
 * and by REST through the gateway (two hops), between real processes, rounds interleaved. `--rounds 7`, `--seconds 1`;
 * `--only "REST through the gateway"` for one way, `--profile DIR` for a processor profile of the gateway.
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    only: { type: "string" },
    profile: { type: "string" },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);

/** The most that REST through the gateway may cost, in direct calls by grpc-js: it is two hops long. */
const hopsMax = 2;

/** Calls at once where the rate is measured. */
const inFlightMany = 32;

/** Away from those of a running stack and of the other benches. */
const ports = { user: 58_251, product: 58_252, gateway: 58_280 } as const;

interface Processes {
  readonly user: PinnedProcess;
  readonly product: PinnedProcess;
  readonly gateway: PinnedProcess;
}

interface Sample {
  readonly callsPerSecond: number;
  readonly p50Micros: number;
  /** Processor time by process, in microseconds a call. */
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
  // Many first: a call by itself is then measured on code that is compiled in all processes.
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
      // One caller makes all the load.
      RATE_LIMIT_PER_MINUTE: "0",
      ...(options.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${options.profile}` }),
    }),
  ]);
  return { user, product, gateway };
}

function url(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** One round more than is counted: in the first, each process compiles what it needs. */
async function compare(ways: readonly Way[], inFlight: number): Promise<Samples> {
  const samples = new Map<string, Sample[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const way of ways) {
      const sample = await measure(way, inFlight);
      if (round > 0) {
        samples.get(way.name)?.push(sample);
      }
    }
  }
  return new Map([...samples].map(([name, taken]) => [name, medians(taken)]));
}

async function measure({ call }: Way, inFlight: number): Promise<Sample> {
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

/** Held to the bar: the time of a call by itself, and the processor time where calls come many at once. */
function judge(alone: Samples, many: Samples): void {
  console.log();
  const measures = { "time, 1 in flight": ratio(alone, "p50Micros"), "processor time": ratio(many, "all") };
  for (const [what, { grpcJs, own }] of Object.entries(measures)) {
    const holds = grpcJs <= hopsMax;
    const figures = `${grpcJs.toFixed(2)} hops of grpc-js (${own.toFixed(2)} of this repository's client)`;
    console.log(`${holds ? "ok  " : "MISS"} ${what}: REST through the gateway takes ${figures}; the bar is ${hopsMax}`);
    process.exitCode = holds ? process.exitCode : 1;
  }
}

function ratio(samples: Samples, of: "p50Micros" | "all") {
  const cost = (name: string) => samples.get(name)?.[of] ?? Number.NaN;
  return { grpcJs: cost(gatewayRest) / cost(directGrpcJs), own: cost(gatewayRest) / cost(directRpc) };
}
