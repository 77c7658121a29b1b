// The telemetry of orders at a real OpenTelemetry Collector: what its files contain is compared with the answers of the gateway's TelemetryService,
// and with the orders. Then the Collector fails in different ways.
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { type Call, SpanKind, TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../processes/eventually.ts";
import type { Program } from "../processes/program.ts";
import { type ShopStack, startShopStack } from "../telemetry/shop-stack.ts";
import { type Collector, startCollector } from "./collector-program.ts";
import type { CollectedSpan } from "./otlp-json.ts";
import { type RefusingProxy, startRefusingProxy } from "./refusing-proxy.ts";

const collectorPath = process.env.PARLEY_COLLECTOR ?? "";
/** The span of the caller outside, in each `traceparent` that the test sends. */
const outside = "00f067aa0ba902b7";
const queueLengthMax = 256;
/** A little more than the time for which a page of metrics is cached, in milliseconds. */
const pageAgeMaxMs = 1_100;

let collector: Collector;
let proxy: RefusingProxy;
let stack: ShopStack;
let telemetry: Client<typeof TelemetryService>;
let orders: Client<typeof OrderService>;
let ordersPlaced = 0;

beforeAll(async () => {
  collector = await startCollector(collectorPath);
  proxy = await startRefusingProxy(collector.url);
  stack = await startShopStack({
    OTEL_EXPORTER_OTLP_ENDPOINT: proxy.url,
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_METRIC_EXPORT_INTERVAL: "1000",
    OTEL_BSP_SCHEDULE_DELAY: "50",
    OTEL_BLRP_SCHEDULE_DELAY: "50",
    OTEL_BSP_MAX_QUEUE_SIZE: String(queueLengthMax),
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "64",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
  });
  const transport = createGrpcTransport({ baseUrl: stack.gateway.url });
  telemetry = createClient(TelemetryService, transport);
  orders = createClient(OrderService, transport);
  const inventory = createClient(InventoryService, transport);
  // On a busy machine the first call through new processes may exceed its deadline.
  await eventually(
    () =>
      place("0".repeat(31) + 1).then(
        () => true,
        () => false,
      ),
    Boolean,
    60_000,
  );
  // Enough for every order, and less than the order that is refused.
  await inventory.updateStock({ productId: "103", change: { case: "delta", value: 5_000 } });
}, 180_000);

afterAll(async () => {
  proxy?.close();
  await stack?.dispose();
  await collector?.dispose();
});

function place(traceId: string, quantity = 1) {
  ordersPlaced++;
  const headers = { traceparent: `00-${traceId}-${outside}-01`, "x-request-id": `request-${traceId.slice(-4)}` };
  return orders.createOrder({ userId: "1", items: [{ productId: "103", quantity }] }, { headers });
}

/** The trace at the Collector, once it has what the platform has kept and a mail or `isWhole`. */
async function bothViews(traceId: string, isWhole = (calls: readonly Call[]) => calls.some(isMail)) {
  const read = async () => {
    const { calls } = await telemetry.getTrace({ traceId });
    const spans = (await collector.spans()).filter((span) => span.traceId === traceId);
    return { calls, spans };
  };
  const same = ({ calls, spans }: Awaited<ReturnType<typeof read>>) => isWhole(calls) && spans.length === calls.length;
  return eventually(read, same, 30_000);
}
const isMail = ({ kind }: Call) => kind === SpanKind.MAIL;

/** OpenTelemetry's kinds: SERVER 2, CLIENT 3, PRODUCER 4, CONSUMER 5. */
const otelKinds: Readonly<Partial<Record<SpanKind, number>>> = {
  [SpanKind.SERVER]: 2,
  [SpanKind.BATCHED]: 2,
  [SpanKind.CLIENT]: 3,
  [SpanKind.ATTEMPT]: 3,
  [SpanKind.EVENT_PUBLISH]: 4,
  [SpanKind.EVENT_CONSUME]: 5,
  [SpanKind.MAIL]: 3,
  [SpanKind.DATABASE]: 3,
};

describe("an order's trace at the Collector", () => {
  const traceIds = Array.from({ length: 8 }, (_, index) => `${"a".repeat(30)}${index.toString().padStart(2, "0")}`);
  let views: readonly Awaited<ReturnType<typeof bothViews>>[];

  beforeAll(async () => {
    // Concurrent, so that calls between services are batched.
    const answers = await Promise.all(traceIds.map((id) => place(id)));
    expect(answers.map(({ order }) => order?.state)).toEqual(traceIds.map(() => OrderState.CONFIRMED));
    views = await Promise.all(traceIds.map((id) => bothViews(id)));
  }, 120_000);

  it("has the spans that the platform recorded, with the same parents, names, times, statuses and links", () => {
    for (const { calls, spans } of views) {
      const said = calls.map((call) => ({
        process: call.process,
        spanId: call.spanId,
        parentSpanId: call.parentSpanId,
        kind: otelKinds[call.kind],
        name: call.service === "" ? call.method : `${call.service}/${call.method}`,
        links: call.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
        code: call.service === "" ? undefined : "OK",
        requestId: call.requestId === "" ? undefined : call.requestId,
      }));
      const exported = spans.map(({ process, spanId, parentSpanId, kind, name, links, attributes }) => ({
        process,
        spanId,
        parentSpanId,
        kind,
        name,
        links,
        code: attributes["rpc.response.status_code"],
        requestId: attributes["parley.request_id"],
      }));
      const bySpan = (one: { readonly spanId: string }, other: { readonly spanId: string }) =>
        one.spanId.localeCompare(other.spanId);
      expect(exported.toSorted(bySpan)).toEqual(said.toSorted(bySpan));
      for (const call of calls) {
        const span = spans.find(({ spanId }) => spanId === call.spanId);
        const latencyMs = Number(call.latency?.seconds ?? 0n) * 1_000 + (call.latency?.nanos ?? 0) / 1e6;
        // The clocks of both are rounded differently.
        expect(Math.abs((span?.latencyMs ?? 0) - latencyMs)).toBeLessThan(0.01);
      }
    }
  });

  it("is one tree: gateway, order, user and product, then the event, its effect and the mail", () => {
    for (const { spans } of views) {
      const parentOf = (span: CollectedSpan | undefined) => spans.find(({ spanId }) => spanId === span?.parentSpanId);
      const path = (span: CollectedSpan | undefined): readonly string[] =>
        span === undefined
          ? []
          : [...path(parentOf(span)), `${span.process} ${span.kind} ${span.name.split("/").at(-1)}`];
      const order = ["gateway 2 CreateOrder", "gateway 3 CreateOrder", "order 2 CreateOrder"];
      const server = (process: string) => spans.find(({ process: own, kind }) => own === process && kind === 2);
      expect(path(server("user"))).toEqual([...order, "order 3 ValidateUser", "user 2 ValidateUser"]);
      expect(path(server("product"))).toEqual([...order, "order 3 ReserveStock", "product 2 ReserveStock"]);
      const mail = spans.find(({ process, name }) => process === "notification" && name === "send");
      const mailPath = path(mail);
      expect(mailPath.slice(0, 3)).toEqual(order);
      expect(mailPath.slice(-3)).toEqual([
        "order 4 parley.order.confirmed.v1",
        "notification 5 parley.order.confirmed.v1",
        "notification 3 send",
      ]);
      const roots = spans.filter((span) => parentOf(span) === undefined);
      expect(roots.map(({ process, parentSpanId }) => [process, parentSpanId])).toEqual([["gateway", outside]]);
    }
  });

  it("has the calls of a batch, linked with the batch in a trace of its own, which links back", async () => {
    const spans = views.flatMap((view) => view.spans);
    const batched = spans.filter(({ kind, attributes }) => kind === 2 && Number(attributes["parley.batch_size"]) > 1);
    expect(batched.length).toBeGreaterThan(1);
    for (const span of batched.slice(0, 3)) {
      const [link] = span.links;
      const ofBatch = async () => (await collector.spans()).filter(({ traceId }) => traceId === link?.traceId);
      const found = await eventually(ofBatch, (list) => list.length >= 2);
      const server = found.find(({ spanId }) => spanId === link?.spanId);
      expect(server).toMatchObject({ kind: 2, process: span.process });
      expect(server?.attributes["parley.batch_size"]).toBe(span.attributes["parley.batch_size"]);
      expect(found.find(({ spanId }) => spanId === server?.parentSpanId)).toMatchObject({ kind: 3, process: "order" });
      expect(server?.links).toContainEqual({ traceId: span.traceId, spanId: span.spanId });
    }
  });

  it("shows a refused order: the status of ReserveStock, and no events", async () => {
    const traceId = "d".repeat(32);
    const error = await place(traceId, 9_000).catch((reason: unknown) => ConnectError.from(reason));
    expect(error).toMatchObject({ code: Code.FailedPrecondition });
    const { spans } = await bothViews(traceId, (calls) => calls.some(({ process }) => process === "gateway"));
    const reserve = spans.filter(({ name }) => name.endsWith("/ReserveStock"));
    expect(reserve.map(({ attributes }) => attributes["rpc.response.status_code"])).toEqual([
      "FAILED_PRECONDITION",
      "FAILED_PRECONDITION",
    ]);
    // FAILED_PRECONDITION is no error of the server span, but one of the client span.
    expect(reserve.map(({ kind, status }) => [kind, status]).sort()).toEqual([
      [2, 0],
      [3, 2],
    ]);
    expect(reserve.map(({ attributes }) => attributes["parley.error_reason"])).toContain("INSUFFICIENT_STOCK");
    expect(spans.filter(({ name }) => name === "parley.order.confirmed.v1")).toEqual([]);
  });

  it("has the log lines of its calls", async () => {
    const [traceId = ""] = traceIds;
    const read = async () => (await collector.logs()).filter((log) => log.traceId === traceId);
    const has = (logs: Awaited<ReturnType<typeof read>>) => new Set(logs.map(({ process }) => process)).size >= 2;
    const logs = await eventually(read, has);
    const ofOrder = logs.find(({ process, attributes }) => process === "order" && attributes.method === "CreateOrder");
    expect(ofOrder).toMatchObject({ body: "call", severity: "INFO" });
    expect(ofOrder?.attributes).toMatchObject({ code: "OK", requestId: `request-${traceId.slice(-4)}` });
  });

  it("is counted in the metrics, whose exemplars name it", async () => {
    const read = async () => {
      const all = (await collector.metrics()).filter(({ process }) => process === "order");
      return all.findLast(({ name }) => name === "grpc_server_call_duration_seconds");
    };
    const pointsOf = (metric: Awaited<ReturnType<typeof read>>) =>
      (metric?.points ?? []).filter(({ attributes }) => String(attributes.grpc_method).endsWith("/CreateOrder"));
    const countOf = (metric: Awaited<ReturnType<typeof read>>) =>
      pointsOf(metric).reduce((sum, { value }) => sum + value, 0);
    const metric = await eventually(read, (found) => countOf(found) === ordersPlaced);
    expect(metric).toMatchObject({ type: "histogram", unit: "s", cumulative: true });
    expect(countOf(metric)).toBe(ordersPlaced);
    expect(pointsOf(metric).flatMap(({ exemplars }) => exemplars)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^[ad0]{30}/)]),
    );
  });
});

describe("a Collector that fails", () => {
  const exporting = () => [stack.gateway, stack.order, stack.product, stack.user, stack.notification];
  const ordersOfRound = 120;
  const placedAtOnce = 6;
  let round = 0;

  interface Round {
    /** The errors of the orders that failed. */
    readonly failed: readonly unknown[];
    readonly medianMs: number;
    /** Of all processes, in seconds. */
    readonly cpu: number;
  }

  /** Places orders, a few at a time, and measures them. */
  async function placeMany(): Promise<Round> {
    round++;
    const latencies: number[] = [];
    const failed: unknown[] = [];
    let next = 0;
    const before = await sumOf("process_cpu_seconds_total");
    const buyer = async () => {
      while (next < ordersOfRound) {
        const id = `${round.toString(16).padStart(16, "e")}${(next++).toString(16).padStart(16, "e")}`;
        const beganAt = performance.now();
        await place(id).catch((error: unknown) => failed.push(error));
        latencies.push(performance.now() - beganAt);
      }
    };
    await Promise.all(Array.from({ length: placedAtOnce }, buyer));
    const cpu = (await sumOf("process_cpu_seconds_total")) - before;
    return { failed, medianMs: latencies.toSorted((one, other) => one - other)[ordersOfRound / 2] ?? 0, cpu };
  }

  /** The sum of a metric over its series and all processes. */
  async function sumOf(name: string, processes: readonly Program[] = exporting()): Promise<number> {
    // A page of metrics is rendered at most once a second.
    await sleep(pageAgeMaxMs);
    const texts = await Promise.all(processes.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
    const values = texts.flatMap((text) => [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))]);
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  const troubles: readonly [string, begin: () => unknown, end: () => unknown][] = [
    ["is stalled", () => collector.program.signal("SIGSTOP"), () => collector.program.signal("SIGCONT")],
    ["is killed", () => collector.program.kill(), () => collector.program.start()],
    ["answers 500", () => proxy.refuseWith(500), () => proxy.refuseWith(undefined)],
    ["answers 429", () => proxy.refuseWith(429), () => proxy.refuseWith(undefined)],
  ];

  it.each(troubles)(
    "that %s slows no call; spans beyond the queue are dropped and counted; and it gets traces again afterwards",
    async (_name, begin, end) => {
      const healthy = await placeMany();
      const dropped = await sumOf("parley_telemetry_dropped_total");
      await begin();
      const memory = await sumOf("process_resident_memory_bytes");
      const rounds = [await placeMany(), await placeMany()];
      for (const { failed, medianMs, cpu } of rounds) {
        expect(failed).toEqual([]);
        // Generous, because the machine may be busy with something else: an exporter that blocks calls would add its timeout of a second.
        expect(medianMs).toBeLessThan(3 * healthy.medianMs + 100);
        expect(cpu).toBeLessThan(2 * healthy.cpu + 1);
      }
      // 256 spans of less than 4 KiB wait in each process.
      expect((await sumOf("process_resident_memory_bytes")) - memory).toBeLessThan(160 * 1024 * 1024);
      const count = async () => (await sumOf("parley_telemetry_dropped_total")) - dropped;
      expect(await eventually(count, (number) => number > 0, 40_000)).toBeGreaterThan(0);
      await end();
      const traceId = (++round).toString(16).padStart(32, "f");
      const whole = async () => {
        await place(traceId);
        return (await collector.spans()).some((span) => span.traceId === traceId && span.process === "order");
      };
      expect(await eventually(whole, Boolean, 60_000)).toBe(true);
    },
  );

  it("is logged once when it begins, and once when it is over", () => {
    const lines = stack.order.output().split("\n");
    const logged = lines.flatMap((line) => {
      const word = /"msg":"telemetry export (failed|resumed)/.exec(line)?.[1];
      return word !== undefined && line.includes('"signal":"traces"') ? [word] : [];
    });
    // On a busy machine the Collector may be late at other times too.
    expect(logged.length).toBeGreaterThanOrEqual(2 * troubles.length);
    expect(logged).toEqual(logged.map((_, index) => (index % 2 === 0 ? "failed" : "resumed")));
  });
});
