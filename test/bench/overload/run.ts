import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { CreateOrderRequestSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { GetProductRequestSchema } from "@parley/gen/product/v1/product_service_pb.js";
import { firstOf, startParley } from "../orders/platform.ts";
import { onCore } from "../pinned-process.ts";
import { median, printTable } from "../table.ts";
import type { Offer, Yield } from "./load-source.ts";

/**
 * `npm run bench:overload`: the goodput (OK within 2 s) under overload. Finds the best load with 64 or 256 calls in flight, then
 * offers 1, 3 and 10 times that rate regardless of the server. `--seconds 5`, `--rounds 3`, `--only CreateOrder`,
 * `--connections 4`.
 */
const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "4" },
    only: { type: "string", default: "" },
  },
});
const seconds = Number(options.seconds);
const connections = Number(options.connections);
const run = promisify(execFile);

const platform = await startParley({ name: "parley", events: true });
const order = firstOf(platform.processes.order);
const product = firstOf(platform.processes.product);

interface Scenario {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly process: { cpuMicros(): Promise<number> };
  /** The minimum share of the best goodput, by the multiple of the best load. */
  readonly bars: Readonly<Record<number, number>>;
}

const items = [
  { productId: "101", quantity: 2 },
  { productId: "102", quantity: 1 },
];
const getProduct = {
  port: product.port,
  path: "/product.v1.ProductService/GetProduct",
  process: product,
};
const scenarios: readonly Scenario[] = [
  {
    name: "CreateOrder, gRPC",
    port: order.port,
    path: "/order.v1.OrderService/CreateOrder",
    contentType: "application/grpc+proto",
    body: enveloped(toBinary(CreateOrderRequestSchema, create(CreateOrderRequestSchema, { userId: "1", items }))),
    process: order,
    bars: { 3: 0.8, 10: 0.8 },
  },
  {
    ...getProduct,
    name: "GetProduct, gRPC",
    contentType: "application/grpc+proto",
    body: enveloped(toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { productId: "103" }))),
    bars: { 3: 0.8 },
  },
  {
    ...getProduct,
    name: "GetProduct, JSON",
    contentType: "application/json",
    body: Buffer.from('{"productId":"103"}'),
    bars: { 3: 0.8 },
  },
];

function enveloped(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function offer(scenario: Scenario, what: Pick<Offer, "inFlight" | "callsPerSecond">, forSeconds = seconds) {
  const { port, path, contentType, body } = scenario;
  const wanted: Offer = {
    port,
    path,
    contentType,
    connections,
    seconds: forSeconds,
    body: body.toString("base64"),
    ...what,
  };
  const [program = "node", ...args] = onCore("any", [
    process.execPath,
    "--no-warnings",
    join(import.meta.dirname, "load-source.ts"),
    JSON.stringify(wanted),
  ]);
  const before = await scenario.process.cpuMicros();
  const { stdout } = await run(program, args, { timeout: (forSeconds + 30) * 1000, killSignal: "SIGKILL" });
  const result = JSON.parse(stdout) as Yield;
  return { ...result, cpuMicros: (await scenario.process.cpuMicros()) - before };
}

const all: object[] = [];
for (const scenario of scenarios.filter(({ name }) => name.includes(options.only))) {
  await offer(scenario, { inFlight: 256 }, seconds * 2);
  const bests: number[] = [];
  const kept: Record<number, number[]> = { 1: [], 3: [], 10: [] };
  const rows: (string | number)[][] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    // Some methods have their best rate with few calls in flight. Methods that batch their work have it with many.
    const few = await offer(scenario, { inFlight: 64 });
    const many = await offer(scenario, { inFlight: 256 });
    const best = Math.max(few.good, many.good) / seconds;
    bests.push(best);
    for (const times of [1, 3, 10]) {
      const callsPerSecond = Math.round(best * times);
      const found = await offer(scenario, { callsPerSecond });
      kept[times]?.push(found.good / seconds / best);
      all.push({ scenario: scenario.name, times, best, ...found });
      rows.push([
        `${times} ×`,
        Math.round(found.offered / seconds),
        Math.round(found.good / seconds),
        `${Math.round((found.good / seconds / best) * 100)} %`,
        ...[found.late, found.refused, found.failed, found.unsent].map((count) => Math.round(count / seconds)),
        Math.round(found.p50Ms),
        Math.round(found.p99Ms),
        Math.round(found.cpuMicros / seconds / 10_000),
      ]);
    }
  }
  console.log(
    `\n${scenario.name}: at best ${Math.round(median(bests))} a second with 64 or 256 in flight, ${connections} connections`,
  );
  printTable(
    [
      "load",
      "offered/s",
      "good/s",
      "of best",
      "late/s",
      "refused/s",
      "failed/s",
      "unsent/s",
      "p50 ms",
      "p99 ms",
      "CPU %",
    ],
    rows,
  );
  for (const [times, bar] of Object.entries(scenario.bars)) {
    const share = median(kept[Number(times)] ?? []);
    console.log(
      `${share >= bar ? "ok  " : "MISS"} ${Math.round(share * 100)} % of the best at ${times} ×; the goal is ${bar * 100} %`,
    );
  }
}
await platform.stop();
const folder = join(import.meta.dirname, "..", "dist");
await mkdir(folder, { recursive: true });
await writeFile(
  join(folder, "overload.json"),
  JSON.stringify({ date: new Date().toISOString(), options, all }, null, 2),
);
