import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { ExportLogsServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.js";
import { ExportMetricsServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.js";
import { ExportTraceServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.js";
import type { KeyValue } from "@parley/gen/opentelemetry/proto/common/v1/common_pb.js";
import { type Span, Span_SpanKind } from "@parley/gen/opentelemetry/proto/trace/v1/trace_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { createServiceClient } from "../../client/index.ts";
import { spanKinds } from "../../environment/spans/span-recorder.ts";
import { systemEnvironment } from "../../environment/system-environment.ts";
import { readSettings } from "../../server/config/settings.ts";
import { telemetrySettings } from "../../server/config/telemetry-settings.ts";
import { echoBack, serveEcho } from "../../server/echo-fixture.ts";
import { openTelemetry } from "../../server/open-telemetry.ts";
import { implement } from "../../server/pipeline/service-module.ts";
import { serve } from "../../server/serve.ts";
import type { Recorder } from "../recorder/recorder.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A collector on a real socket that decodes requests. */
async function collector(answer: Answer = (_request, response) => response.writeHead(200).end()) {
  const got = { bodies: [] as { path: string; headers: IncomingMessage["headers"]; body: Buffer }[] };
  const server: Server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces);
      const plain = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      got.bodies.push({ path: request.url ?? "", headers: request.headers, body: plain });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const spans = () =>
    got.bodies
      .filter(({ path }) => path === "/v1/traces")
      .flatMap(({ body }) => fromBinary(ExportTraceServiceRequestSchema, body).resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  return { url: `http://127.0.0.1:${port}`, server, got, spans };
}

async function exporting(variables: Record<string, string>, logLines: string[] = []) {
  const values = readSettings(telemetrySettings, variables);
  const base = systemEnvironment({ name: "test", logDestination: { write: (line) => logLines.push(line) } });
  const telemetry = await openTelemetry(base, { name: "echo", values });
  closing.push(() => telemetry.close());
  return telemetry;
}

function attributes(list: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value?.value.value]));
}
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const brief = ({ name, kind }: Span) => `${Span_SpanKind[kind]} ${name}`;

async function echoOver(environment: Awaited<ReturnType<typeof exporting>>["environment"], echo = echoBack) {
  const server = await serve(
    { entries: [implement(EchoService, { echo })] },
    { name: "echo", environment, config: { drainNoticeMs: 0 } },
  );
  closing.push(() => server.close());
  const client = createServiceClient(EchoService, server.url, { environment, callerName: "order" });
  // On a busy machine the first call may exceed its contract's timeout.
  await expect
    .poll(
      () =>
        client.echo({}).then(
          () => true,
          () => false,
        ),
      { timeout: 15_000 },
    )
    .toBe(true);
  return client;
}

describe("traces over OTLP", () => {
  it("contain the process, both sides of a call, its parent, its times and its status", async () => {
    const { url, got, spans } = await collector();
    const telemetry = await exporting({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=a%20b",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    });
    const client = await echoOver(telemetry.environment);
    const before = Date.now();
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: "a=b", "x-request-id": "r-1" };
    await client.echo({ message: "ä".repeat(100) }, { headers });
    await telemetry.close();
    const [request] = got.bodies;
    expect(request?.headers).toMatchObject({ "x-tenant": "a b", "content-type": "application/x-protobuf" });
    const [resource] = fromBinary(ExportTraceServiceRequestSchema, request?.body ?? new Uint8Array()).resourceSpans;
    expect(attributes(resource?.resource?.attributes ?? [])).toMatchObject({
      "service.name": "echo",
      "deployment.environment.name": "test",
      "service.instance.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const found = spans().filter((span) => hex(span.traceId) === traceId);
    expect(found.map(brief).sort()).toEqual(["CLIENT echo.v1.EchoService/Echo", "SERVER echo.v1.EchoService/Echo"]);
    const clientSpan = found.find(({ kind }) => kind === Span_SpanKind.CLIENT);
    const serverSpan = found.find(({ kind }) => kind === Span_SpanKind.SERVER);
    expect(hex(clientSpan?.traceId ?? new Uint8Array())).toBe(traceId);
    expect(hex(clientSpan?.parentSpanId ?? new Uint8Array())).toBe("00f067aa0ba902b7");
    expect(serverSpan?.parentSpanId).toEqual(clientSpan?.spanId);
    expect(serverSpan?.traceState).toBe("a=b");
    expect((serverSpan?.flags ?? 0) & 0x3ff).toBe(0x301);
    expect(attributes(serverSpan?.attributes ?? [])).toMatchObject({
      "rpc.system.name": "grpc",
      "rpc.method": "echo.v1.EchoService/Echo",
      "rpc.response.status_code": "OK",
      "client.address": "127.0.0.1",
      "parley.request_id": "r-1",
    });
    const startMs = Number((serverSpan?.startTimeUnixNano ?? 0n) / 1_000_000n);
    expect(startMs).toBeGreaterThanOrEqual(before - 1_000);
    expect(startMs).toBeLessThanOrEqual(Date.now() + 1_000);
    expect(serverSpan?.endTimeUnixNano).toBeGreaterThan(serverSpan?.startTimeUnixNano ?? 0n);
    expect(serverSpan?.status).toBeUndefined();
  });

  it("omit unsampled spans, but include failed ones and the earlier spans of their trace", async () => {
    const { url, spans } = await collector();
    const telemetry = await exporting({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER: "always_off" });
    const client = await echoOver(telemetry.environment, ({ message }) => {
      if (message === "bad") {
        throw new ConnectError("broken", Code.Internal);
      }
      return { message };
    });
    await client.echo({ message: "good" });
    const traceId = "5bf92f3577b34da6a3ce929d0e0e4736";
    const traced = { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-00` } };
    await expect(client.echo({ message: "bad" }, traced)).rejects.toThrow("broken");
    await telemetry.close();
    expect(spans().some(({ status }) => status === undefined)).toBe(false);
    const found = spans().filter((span) => hex(span.traceId) === traceId);
    expect(found.map(brief).sort()).toEqual(["CLIENT echo.v1.EchoService/Echo", "SERVER echo.v1.EchoService/Echo"]);
    const serverSpan = found.find(({ kind }) => kind === Span_SpanKind.SERVER);
    expect(serverSpan?.status).toMatchObject({ code: 2, message: "broken" });
    expect(attributes(serverSpan?.attributes ?? [])).toMatchObject({ "error.type": "INTERNAL" });
  });

  it.each([
    ["traceidratio", "0", 0],
    ["traceidratio", "1", 200],
    ["parentbased_traceidratio", "0.5", 100],
  ])("are sampled at the head by %s %s", async (sampler, ratio, expected) => {
    const { url, spans } = await collector();
    const variables = { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio, TELEMETRY_SLOW_MS: "3600000" };
    const telemetry = await exporting({ OTEL_EXPORTER_OTLP_ENDPOINT: url, ...variables });
    const { recorder } = telemetry.environment;
    for (let count = 0; count < 200; count++) {
      recorder?.record({
        kind: spanKinds.server,
        process: "echo",
        startMs: 0,
        latencyMs: 1,
        method: EchoService.method.echo,
      });
    }
    await telemetry.close();
    expect(Math.abs(spans().length - expected)).toBeLessThanOrEqual(expected === 100 ? 45 : 0);
  });
});

describe("logs and metrics over OTLP, if configured", () => {
  it("contain a line's level, fields and trace, and a histogram's buckets with an exemplar", async () => {
    const { url, got } = await collector();
    const telemetry = await exporting({
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_LOGS_EXPORTER: "otlp",
      OTEL_METRICS_EXPORTER: "otlp",
    });
    const client = await echoOver(telemetry.environment);
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    await client.echo({ message: "x" }, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
    await telemetry.close();
    const logs = got.bodies
      .filter(({ path }) => path === "/v1/logs")
      .flatMap(({ body }) => fromBinary(ExportLogsServiceRequestSchema, body).resourceLogs)
      .flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
    const call = logs.find((log) => log.body?.value.value === "call" && hex(log.traceId) === traceId);
    expect(call).toMatchObject({ severityText: "INFO", severityNumber: 9 });
    expect(attributes(call?.attributes ?? [])).toMatchObject({ method: "Echo", code: "OK" });
    const metrics = got.bodies
      .filter(({ path }) => path === "/v1/metrics")
      .flatMap(({ body }) => fromBinary(ExportMetricsServiceRequestSchema, body).resourceMetrics)
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    const duration = metrics.find(({ name }) => name === "grpc_server_call_duration_seconds");
    expect(duration?.unit).toBe("s");
    const [point] = duration?.data.case === "histogram" ? duration.data.value.dataPoints : [];
    expect(point?.bucketCounts.reduce((sum, count) => sum + count, 0n)).toBe(point?.count);
    expect(point?.bucketCounts).toHaveLength((point?.explicitBounds.length ?? 0) + 1);
    const exemplars = duration?.data.case === "histogram" ? duration.data.value.dataPoints : [];
    expect(exemplars.flatMap((one) => one.exemplars.map((exemplar) => hex(exemplar.traceId)))).toContain(traceId);
    const started = metrics.find(({ name }) => name === "grpc_server_call_started_total");
    expect(started?.data).toMatchObject({ case: "sum", value: { isMonotonic: true } });
  });
});

describe("an unavailable collector", () => {
  const troubles: [string, Answer | undefined][] = [
    ["answers 500", (_request, response) => response.writeHead(500).end()],
    ["answers 429", (_request, response) => response.writeHead(429, { "retry-after": "3600" }).end()],
    ["never answers", () => {}],
    ["is down", undefined],
  ];
  it.each(troubles)(
    "that %s does not affect calls: memory stays bounded, and dropped items are counted",
    async (_name, answer) => {
      const lines: string[] = [];
      const { url, server } = await collector(answer);
      if (answer === undefined) {
        server.close();
      }
      const telemetry = await exporting(
        {
          OTEL_EXPORTER_OTLP_ENDPOINT: url,
          OTEL_EXPORTER_OTLP_TIMEOUT: "200",
          OTEL_BSP_MAX_QUEUE_SIZE: "64",
          OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "16",
          OTEL_BSP_SCHEDULE_DELAY: "1",
        },
        lines,
      );
      let recorded = 0;
      (telemetry.environment.recorder as Recorder).listen(() => {
        recorded++;
      });
      const client = await echoOver(telemetry.environment);
      for (let count = 0; count < 300; count++) {
        await client.echo({ message: "x" });
      }
      await telemetry.close();
      const text = await telemetry.environment.metrics.metrics();
      const dropped = [...text.matchAll(/parley_telemetry_dropped_total\{[^}]*\} (\d+)/g)];
      expect(dropped.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(recorded);
      expect(recorded).toBeGreaterThanOrEqual(600);
      // Once when it begins, regardless of the number of attempts.
      expect(lines.filter((line) => line.includes("telemetry export failed"))).toHaveLength(1);
    },
  );

  it("that rejects part of a batch: rejected items are counted", async () => {
    // ExportTraceServiceResponse { partial_success { rejected_spans: 1 } }.
    const answer: Answer = (_request, response) => response.writeHead(200).end(Buffer.from([0x0a, 0x02, 0x08, 0x01]));
    const { url } = await collector(answer);
    const telemetry = await exporting({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    const { recorder } = telemetry.environment;
    for (let ended = 0; ended < 2; ended++) {
      recorder?.record({ kind: spanKinds.server, startMs: 0, latencyMs: 1, method: EchoService.method.echo });
    }
    await telemetry.close();
    const text = await telemetry.environment.metrics.metrics();
    expect(text).toContain('parley_telemetry_dropped_total{signal="traces",reason="rejected"} 1');
    expect(text).toContain('parley_telemetry_exported_total{signal="traces"} 1');
  });
});

it("exports nothing without an endpoint, or if OTEL_SDK_DISABLED is set", async () => {
  const { url, got } = await collector();
  for (const variables of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: "true" }]) {
    const telemetry = await exporting({ ...variables, OTEL_LOGS_EXPORTER: "otlp" });
    await echoOver(telemetry.environment);
    await telemetry.close();
  }
  expect(got.bodies).toEqual([]);
});

it("propagates tracestate and baggage to outgoing calls", async () => {
  const seen: (string | null)[][] = [];
  const behind = await serveEcho({
    echo: ({ message }, { requestHeader }) => {
      seen.push(["tracestate", "baggage"].map((name) => requestHeader.get(name)));
      return { message };
    },
  });
  closing.push(() => behind.server.close());
  const { environment } = behind;
  const inner = createServiceClient(EchoService, behind.url, { environment });
  const client = await echoOver(environment, async (request, context) => {
    const { within } = await import("../../call/call-context.ts");
    return inner.echo({ message: request.message }, within(context));
  });
  await client.echo({}, { headers: { tracestate: "v=1", baggage: "user=a,plan=b" } });
  expect(seen.at(-1)).toEqual(["v=1", "user=a,plan=b"]);
});
