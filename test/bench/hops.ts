import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { directGrpcJs, directHttp, directRpc, gatewayRest, gatewayRpc, type Way, waysTo } from "./hops-ways.ts";
import { type PinnedProcess, startPinned } from "./pinned-process.ts";
import { median, printTable } from "./table.ts";

/**
 * `npm run bench:hops`: what the gateway adds to a call. A hop is the same read by RPC, straight to the service; through the gateway
 * it is two hops long. Real processes, warm, rounds interleaved. `--rounds 7`, `--seconds 1`, `--warm 4`;
 * `--only "REST through the gateway"` for one way, `--profile DIR` for a processor profile of the gateway.
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

/** The most that REST through the gateway may cost, in hops: it is two hops long. */
const hopsMax = 2;

/**
 * What a hop costs depends on who calls. The bar is held to how everybody on Node calls, and to how REST is called here. This repository's own
 * client is only told of: a REST call's client alone takes as much as two calls of that one, server included.
 */
const hops: Readonly<Record<string, { readonly way: string; readonly held: boolean }>> = {
  "grpc-js": { way: directGrpcJs, held: true },
  "node:http, as the REST calls": { way: directHttp, held: true },
  "this repository's client": { way: directRpc, held: false },
};

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
  for (const way of ways) {
    // What is measured is code that is compiled in all processes, which takes some thousand calls.
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

/** Held to the bar: the time of a call by itself, and the processor time where calls come many at once. */
function judge(alone: Samples, many: Samples): void {
  console.log(`\nREST through the gateway, in hops; the bar is ${hopsMax}`);
  for (const [caller, { way: hop, held }] of Object.entries(hops)) {
    tell(`time, 1 in flight, against ${caller}`, { held, times: ratio(alone, { of: "p50Micros", hop }) });
    tell(`processor time, ${inFlightMany} in flight, against ${caller}`, {
      held,
      times: ratio(many, { of: "all", hop }),
    });
  }
}

function tell(what: string, { held, times }: { readonly held: boolean; readonly times: number }): void {
  const holds = times <= hopsMax;
  console.log(`${held ? (holds ? "ok  " : "MISS") : "    "} ${times.toFixed(2)}  ${what}`);
  process.exitCode = holds || !held ? process.exitCode : 1;
}

function ratio(samples: Samples, { of, hop }: { readonly of: "p50Micros" | "all"; readonly hop: string }): number {
  const cost = (name: string) => samples.get(name)?.[of] ?? Number.NaN;
  return cost(gatewayRest) / cost(hop);
}
