import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { CreateOrderRequestSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { load } from "../load.ts";
import { median, printTable } from "../table.ts";
import { type Platform, startParley, startRival } from "./platform.ts";

/**
 * `npm run bench:orders`: orders a second, durable, with everything on, against the same flow on stock Connect and on grpc-js without
 * recovery. 64 orders in flight on 4 connections, rounds interleaved. `--rounds 3`, `--seconds 10`, `--warm 10`.
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    warm: { type: "string", default: "10" },
  },
});

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
  const result = await load({
    url: `${platform.orderUrl}/order.v1.OrderService/CreateOrder`,
    contentType: "application/grpc+proto",
    body: orderBody,
    httpVersion: 2,
    seconds,
    core: "any",
  });
  const after = await cpuOf(platform);
  // An order takes one mouse: that many fewer of them are there as orders were really confirmed.
  const confirmed = stockBefore - (await platform.stock("102"));
  const cpu = Object.fromEntries(
    Object.entries(after).map(([role, micros]) => [role, (micros - (before[role] ?? 0)) / confirmed]),
  );
  return {
    ordersPerSecond: confirmed / seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    cpu,
    // Orders under way when the load ended are confirmed but not counted by it, so this may be negative.
    unconfirmed: result.calls - confirmed,
  };
}

async function cpuOf({ processes }: Platform): Promise<Record<string, number>> {
  const entries = Object.entries(processes).map(async ([role, process]) => [role, await process.cpuMicros()] as const);
  return Object.fromEntries(await Promise.all(entries));
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

const platforms = [
  await startParley(),
  await startRival("grpc-js", "rival-grpc-js.ts"),
  await startRival("stock Connect", "rival-connect.ts"),
];
const rounds = new Map<string, Round[]>(platforms.map(({ name }) => [name, []]));
console.log(`warming each for ${options.warm} s, then ${options.rounds} rounds of ${options.seconds} s each`);
for (const platform of platforms) {
  await round(platform, Number(options.warm));
}
for (let count = Number(options.rounds); count > 0; count--) {
  for (const platform of platforms) {
    rounds.get(platform.name)?.push(await round(platform, Number(options.seconds)));
  }
}
const rows = await Promise.all(
  platforms.map(async ({ name, processes }) => {
    const samples = rounds.get(name) ?? [];
    const of = (value: (round: Round) => number) => median(samples.map(value));
    return {
      name,
      ordersPerSecond: of(({ ordersPerSecond }) => ordersPerSecond),
      p50Ms: of(({ p50Ms }) => p50Ms),
      p99Ms: of(({ p99Ms }) => p99Ms),
      cpu: {
        order: of(({ cpu }) => cpu.order ?? 0),
        product: of(({ cpu }) => cpu.product ?? 0),
        user: of(({ cpu }) => cpu.user ?? 0),
      },
      megabytes: {
        order: (await processes.order.residentBytes()) / 1e6,
        product: (await processes.product.residentBytes()) / 1e6,
        user: (await processes.user.residentBytes()) / 1e6,
      },
      unconfirmed: samples.reduce((sum, { unconfirmed }) => sum + Math.max(0, unconfirmed), 0),
    };
  }),
);
await Promise.all(platforms.map((platform) => platform.stop()));
printTable(
  [
    "platform",
    "orders/s",
    "p50 ms",
    "p99 ms",
    "CPU µs/order: order",
    "product",
    "user",
    "MB: order",
    "product",
    "user",
    "unconfirmed",
  ],
  rows.map(({ name, ordersPerSecond, p50Ms, p99Ms, cpu, megabytes, unconfirmed }) => [
    name,
    Math.round(ordersPerSecond),
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
    ...[cpu.order, cpu.product, cpu.user, megabytes.order, megabytes.product, megabytes.user, unconfirmed].map(
      Math.round,
    ),
  ]),
);
const [parley, grpcJs, stock] = rows;
if (parley !== undefined && grpcJs !== undefined && stock !== undefined) {
  const bars = [
    { what: "orders/s against stock Connect", ratio: parley.ordersPerSecond / stock.ordersPerSecond, atLeast: 5 },
    { what: "orders/s against grpc-js", ratio: parley.ordersPerSecond / grpcJs.ordersPerSecond, atLeast: 2.5 },
    { what: "grpc-js's p99 against ours", ratio: grpcJs.p99Ms / parley.p99Ms, atLeast: 2 },
  ];
  for (const { what, ratio, atLeast } of bars) {
    console.log(`${ratio >= atLeast ? "ok  " : "MISS"} ${what}: ${ratio.toFixed(2)}; the bar is ${atLeast}`);
  }
}
const folder = join(import.meta.dirname, "..", "dist");
await mkdir(folder, { recursive: true });
await writeFile(
  join(folder, "orders.json"),
  JSON.stringify({ date: new Date().toISOString(), options, rows }, null, 2),
);
