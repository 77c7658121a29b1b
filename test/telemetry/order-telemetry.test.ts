// The telemetry of an order, in real processes: in the gateway's TelemetryService, and in a collector over OTLP.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { type Call, SpanKind, TelemetryService, TraceOrder } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dashboards } from "../../deploy/grafana/dashboards.ts";
import { eventually } from "../processes/eventually.ts";
import { type OtlpCollector, startOtlpCollector } from "./otlp-collector.ts";
import { hasPrometheus, type PrometheusServer, startPrometheus } from "./prometheus-server.ts";
import { type ShopStack, startShopStack } from "./shop-stack.ts";

let collector: OtlpCollector;
let stack: ShopStack;
let telemetry: Client<typeof TelemetryService>;
let orders: Client<typeof OrderService>;

beforeAll(async () => {
  collector = await startOtlpCollector();
  stack = await startShopStack({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_METRIC_EXPORT_INTERVAL: "1000",
    OTEL_BSP_SCHEDULE_DELAY: "50",
    OTEL_BLRP_SCHEDULE_DELAY: "50",
    TELEMETRY_PAYLOADS: "true",
  });
  const transport = createGrpcTransport({ baseUrl: stack.gateway.url });
  telemetry = createClient(TelemetryService, transport);
  orders = createClient(OrderService, transport);
  // On a busy machine the first call through new processes may exceed its deadline.
  const first = () =>
    place("0".repeat(31) + 1).then(
      () => true,
      () => false,
    );
  await eventually(first, Boolean, 60_000);
}, 120_000);

afterAll(async () => {
  await stack?.dispose();
  collector?.close();
});

function place(traceId: string) {
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, "x-request-id": `request-${traceId.slice(-4)}` };
  return orders.createOrder({ userId: "1", items: [{ productId: "103", quantity: 1 }] }, { headers });
}

const isIn = (process: string, kind: SpanKind, method: string) => (call: Call) =>
  call.process === process && call.kind === kind && call.method === method;

async function traceOf(traceId: string, isWhole: (calls: readonly Call[]) => boolean): Promise<readonly Call[]> {
  const ask = () => telemetry.getTrace({ traceId, payloads: true }).then(({ calls }) => calls);
  return eventually(ask, isWhole, 30_000);
}

/** Whether the work after the response is included, and every parent span is known. */
function isWhole(calls: readonly Call[]): boolean {
  const known = new Set([...calls.map(({ spanId }) => spanId), "00f067aa0ba902b7"]);
  return (
    calls.some(({ kind }) => kind === SpanKind.MAIL) &&
    calls.some(({ kind }) => kind === SpanKind.EVENT_CONSUME) &&
    calls.every(({ parentSpanId }) => known.has(parentSpanId))
  );
}

describe("an order's trace", () => {
  const traceIds = Array.from({ length: 8 }, (_, index) => `${"a".repeat(30)}${index.toString().padStart(2, "0")}`);
  const confirmed = "parley.order.confirmed.v1";
  let traces: readonly (readonly Call[])[];

  beforeAll(async () => {
    // Concurrent, so that calls between services are batched.
    await Promise.all(traceIds.map(place));
    traces = await Promise.all(traceIds.map((id) => traceOf(id, isWhole)));
  }, 90_000);

  it("is complete: the gateway, every service behind it, the event, its effect and the mail", () => {
    for (const calls of traces) {
      const has = (process: string, kind: SpanKind, method: string) => calls.some(isIn(process, kind, method));
      expect(has("gateway", SpanKind.SERVER, "CreateOrder")).toBe(true);
      expect(has("gateway", SpanKind.CLIENT, "CreateOrder")).toBe(true);
      expect(has("order", SpanKind.SERVER, "CreateOrder")).toBe(true);
      expect(has("order", SpanKind.EVENT_PUBLISH, confirmed)).toBe(true);
      expect(has("notification", SpanKind.EVENT_CONSUME, confirmed)).toBe(true);
      expect(has("notification", SpanKind.MAIL, "send")).toBe(true);
      expect(has("order", SpanKind.DATABASE, "transaction")).toBe(true);
      for (const [process, method] of [
        ["user", "ValidateUser"],
        ["product", "ReserveStock"],
      ] as const) {
        expect(has(process, SpanKind.SERVER, method) || has(process, SpanKind.BATCHED, method), method).toBe(true);
      }
    }
  });

  it("has no orphans: the parent of each span exists, and that of the first one is the caller", () => {
    for (const calls of traces) {
      const known = new Set([...calls.map(({ spanId }) => spanId), "00f067aa0ba902b7"]);
      expect(known.size).toBe(calls.length + 1);
      expect(calls.filter(({ parentSpanId }) => !known.has(parentSpanId))).toEqual([]);
      expect(
        calls.filter(({ parentSpanId }) => parentSpanId === "00f067aa0ba902b7").map(({ process }) => process),
      ).toEqual(["gateway"]);
      const mail = calls.find(({ kind }) => kind === SpanKind.MAIL);
      const consumed = calls.find(({ spanId }) => spanId === mail?.parentSpanId);
      const published = calls.find(({ spanId }) => spanId === consumed?.parentSpanId);
      expect([consumed?.kind, published?.kind]).toEqual([SpanKind.EVENT_CONSUME, SpanKind.EVENT_PUBLISH]);
    }
  });

  it("links batched calls with their batch, which has a separate trace", async () => {
    const batched = traces.flat().filter(({ kind }) => kind === SpanKind.BATCHED);
    expect(batched.length).toBeGreaterThan(0);
    const [one] = batched;
    const [link] = one?.links ?? [];
    const { calls } = await telemetry.getTrace({ traceId: link?.traceId ?? "" });
    expect(calls.map(({ kind }) => kind).sort()).toEqual([SpanKind.SERVER, SpanKind.CLIENT]);
    expect(calls.every(({ batchSize }) => batchSize === one?.batchSize)).toBe(true);
    const linked = calls.flatMap(({ links }) => links.map(({ traceId }) => traceId));
    expect(linked).toContain(one?.traceId);
  });

  it("shows payloads with personal data masked, and the same request id everywhere", () => {
    const [calls = []] = traces;
    const created = calls.find(isIn("order", SpanKind.SERVER, "CreateOrder"));
    expect(JSON.parse(created?.requestJson ?? "")).toMatchObject({ userId: "1", items: [{ productId: "103" }] });
    expect(JSON.parse(created?.responseJson ?? "").order).toMatchObject({
      userName: "REDACTED",
      userEmail: "REDACTED",
    });
    expect(JSON.stringify(calls, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      "alice@",
    );
    // A delivery contains the events of many requests, and has an id of its own.
    const ofRequest = calls.filter(
      ({ kind, method }) => kind !== SpanKind.DATABASE && kind !== SpanKind.MAIL && method !== "Deliver",
    );
    const requestIds = new Set(ofRequest.map(({ requestId }) => requestId));
    expect([...requestIds]).toEqual([`request-${traceIds[0]?.slice(-4)}`]);
    const logged = stack.order
      .output()
      .split("\n")
      .find((line) => line.includes(traceIds[0] ?? "") && line.includes('"msg":"call"'));
    expect(JSON.parse(logged ?? "{}")).toMatchObject({ requestId: `request-${traceIds[0]?.slice(-4)}` });
  });

  it("arrives at a collector with the same spans, parents and links, and with logs and metrics", async () => {
    const traceId = traceIds[0] ?? "";
    const linksOf = (list: readonly { spanId: string; parentSpanId: string; process: string }[]) =>
      list.map(({ spanId, parentSpanId, process }) => `${process} ${spanId} ${parentSpanId}`).sort();
    const ask = async () => ({
      exported: linksOf(collector.spans().filter((span) => span.traceId === traceId)),
      kept: linksOf((await telemetry.getTrace({ traceId })).calls),
    });
    const both = await eventually(ask, ({ exported, kept }) => exported.length === kept.length, 20_000);
    expect(both.exported).toEqual(both.kept);
    const spans = collector.spans().filter((span) => span.traceId === traceId);
    const server = spans.find(
      ({ process, kind, name }) => process === "order" && kind === 2 && name.endsWith("/CreateOrder"),
    );
    expect(server?.attributes).toMatchObject({
      "rpc.system.name": "grpc",
      "rpc.method": "order.v1.OrderService/CreateOrder",
      "rpc.response.status_code": "OK",
    });
    const processes = async () => new Set(collector.logsOf(traceId).map(({ process }) => process));
    expect(await eventually(processes, (names) => names.has("gateway") && names.has("order"))).toContain("order");
    const metrics = async () => collector.metricsOf("order");
    expect(await eventually(metrics, (names) => names.has("parley_store_commit_duration_seconds"))).toContain(
      "grpc_server_call_duration_seconds",
    );
  });

  it("is listed by start time and by duration", async () => {
    const newest = await telemetry.listTraces({ pageSize: 100, filter: { method: "CreateOrder" } });
    // The echo services are not running.
    expect(newest.silent.map(({ process }) => process).filter((name) => !name.startsWith("echo-"))).toEqual([]);
    const listed = newest.traces.find(({ traceId }) => traceId === traceIds[3]);
    expect(listed?.processes).toEqual(expect.arrayContaining(["gateway", "notification", "order"]));
    expect(listed?.root).toMatchObject({ process: "gateway", method: "CreateOrder" });
    const slowest = await telemetry.listTraces({ pageSize: 100, order: TraceOrder.SLOWEST });
    const durations = slowest.traces.map(
      ({ duration }) => Number(duration?.seconds ?? 0n) + (duration?.nanos ?? 0) / 1e9,
    );
    expect(durations).toEqual(durations.toSorted((one, other) => other - one));
  });
});

it("streams the calls of all processes live, and shows the failed hop while product is stopped", async () => {
  const stopWatching = new AbortController();
  const seen: Call[] = [];
  const silent: string[] = [];
  let isOpen = false;
  const watching = (async () => {
    try {
      for await (const response of telemetry.watchCalls(
        { filter: { failed: true } },
        { signal: stopWatching.signal },
      )) {
        isOpen = true;
        seen.push(...response.calls);
        silent.push(...response.silent.map(({ process }) => process));
      }
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Canceled) {
        throw error;
      }
    }
  })();
  await eventually(async () => isOpen, Boolean);
  await stack.product.kill();
  const failing = async () => {
    await place("b".repeat(32)).catch(() => {});
    return seen.some(isIn("order", SpanKind.CLIENT, "ReserveStock"));
  };
  expect(await eventually(failing, Boolean, 40_000)).toBe(true);
  const hop = seen.find(isIn("order", SpanKind.CLIENT, "ReserveStock"));
  expect(hop).toMatchObject({ from: "order", to: "product", reason: "DEPENDENCY_UNAVAILABLE" });
  expect(seen.every(({ code }) => code !== 0)).toBe(true);
  expect(seen.some(({ service }) => service === TelemetryService.typeName)).toBe(false);
  expect(await eventually(async () => silent.includes("product"), Boolean)).toBe(true);
  stopWatching.abort();
  await watching;
});

/** Every expression of the dashboards. */
function dashboardExpressions(): readonly string[] {
  return Object.values(dashboards).flatMap(({ panels = [] }) =>
    panels
      .flatMap((panel) => ("targets" in panel ? (panel.targets ?? []) : []))
      .map((target) => (target as unknown as { readonly expr: string }).expr),
  );
}

/** The expression of each alert without its threshold: the left side of its comparison. */
function alertExpressions(): readonly string[] {
  const alerts = readFileSync(
    fileURLToPath(new URL("../../deploy/prometheus/rules/alerts.yml", import.meta.url)),
    "utf8",
  );
  return [...alerts.matchAll(/^ +expr: (.+)$/gm)].map(([, expr = ""]) =>
    expr.replace(/ and .*$/, "").replace(/ (?:>|==) [\d.* ]+$/, ""),
  );
}

describe.runIf(hasPrometheus)(`a real Prometheus${hasPrometheus ? "" : " (left out: there is none)"}`, () => {
  let prometheus: PrometheusServer;

  beforeAll(async () => {
    const { gateway, order, product, user, notification } = stack;
    prometheus = await startPrometheus([gateway, order, product, user, notification]);
  }, 60_000);
  afterAll(() => prometheus?.dispose());

  const fires = (alert: string) => eventually(async () => (await prometheus.firing()).has(alert), Boolean, 60_000);

  it("fires alerts for a process that hangs, for the open circuit breaker, and for the orders that wait", async () => {
    await stack.product.kill();
    await stack.product.start();
    await eventually(
      () =>
        place("f".repeat(32)).then(
          () => true,
          () => false,
        ),
      Boolean,
      60_000,
    );
    // The outcome of a call without a response is unknown: such an order waits until its stock is released.
    stack.product.signal("SIGSTOP");
    const placing = new AbortController();
    const traffic = (async () => {
      while (!placing.signal.aborted) {
        await place("c".repeat(32)).catch(() => {});
      }
    })();
    for (const alert of ["ParleyProcessDown product", "ParleyBreakerOpen order", "ParleyOrdersStuck order"]) {
      expect(await fires(alert), alert).toBe(true);
    }
    placing.abort();
    await traffic;
  }, 180_000);

  it("has a series for each expression of each dashboard and alert", async () => {
    await stack.product.kill();
    await stack.product.start();
    await eventually(
      () =>
        place("d".repeat(32)).then(
          () => true,
          () => false,
        ),
      Boolean,
      60_000,
    );
    const empty = async () => {
      const counts = await Promise.all(
        [...dashboardExpressions(), ...alertExpressions()].map(
          async (expr) => [expr, await prometheus.count(expr)] as const,
        ),
      );
      return counts.filter(([, count]) => count === 0).map(([expr]) => expr);
    };
    expect(await eventually(empty, (exprs) => exprs.length === 0, 30_000)).toEqual([]);
    expect(dashboardExpressions().length).toBeGreaterThan(40);
    // A bucket keeps the exemplar of one call, and the next scrape may be a second away.
    const exemplars = async () => {
      await place("d".repeat(32)).catch(() => {});
      return prometheus.exemplars("grpc_server_call_duration_seconds_bucket");
    };
    const found = await eventually(exemplars, (traces) => traces.includes("d".repeat(32)), 30_000);
    expect(found).toContain("d".repeat(32));
  }, 120_000);

  it("accepts the metrics of every process with promtool", async () => {
    const { gateway, order, product, user, notification } = stack;
    for (const { name, url } of [gateway, order, product, user, notification]) {
      const input = await (await fetch(`${url}/metrics`)).text();
      const { stdout, stderr, status } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
      expect([name, stdout, stderr, status]).toEqual([name, "", "", 0]);
    }
  });

  it("fires alerts for a consumer and for a mail server that are down", async () => {
    await stack.notification.kill();
    await place("e".repeat(32)).catch(() => {});
    expect(await fires("ParleyEventBacklog order")).toBe(true);
    await stack.notification.start({ SMTP_URL: "smtp://127.0.0.1:1" });
    expect(await fires("ParleyMailBacklog notification")).toBe(true);
  }, 120_000);
});
