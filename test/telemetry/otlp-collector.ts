import { createServer, type Server } from "node:http";
import { fromBinary } from "@bufbuild/protobuf";
import { ExportLogsServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.js";
import { ExportMetricsServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.js";
import { ExportTraceServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.js";
import type { KeyValue } from "@parley/gen/opentelemetry/proto/common/v1/common_pb.js";

/** A span that a collector received. */
export interface CollectedSpan {
  readonly process: string;
  readonly name: string;
  /** `SPAN_KIND_SERVER` is 2, for example. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly string[];
}

/** A collector in the test's own process: receives and decodes OTLP over HTTP. */
export interface OtlpCollector {
  readonly url: string;
  spans(): readonly CollectedSpan[];
  /** The logs with a trace id, and the metric names of a process. */
  logsOf(traceId: string): readonly { readonly process: string; readonly body: unknown }[];
  metricsOf(process: string): ReadonlySet<string>;
  close(): void;
}

/** Starts a collector on a free local port. */
export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const logs: { process: string; body: unknown; traceId: string }[] = [];
  const metrics = new Map<string, Set<string>>();
  const take: Readonly<Record<string, (body: Buffer) => void>> = {
    "/v1/traces": (body) => {
      for (const { resource, scopeSpans } of fromBinary(ExportTraceServiceRequestSchema, body).resourceSpans) {
        const process = String(valuesOf(resource?.attributes ?? [])["service.name"]);
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          spans.push({
            process,
            name: span.name,
            kind: span.kind,
            traceId: hex(span.traceId),
            spanId: hex(span.spanId),
            parentSpanId: hex(span.parentSpanId),
            attributes: valuesOf(span.attributes),
            links: span.links.map(({ spanId }) => hex(spanId)),
          });
        }
      }
    },
    "/v1/logs": (body) => {
      for (const { resource, scopeLogs } of fromBinary(ExportLogsServiceRequestSchema, body).resourceLogs) {
        const process = String(valuesOf(resource?.attributes ?? [])["service.name"]);
        for (const { body: text, traceId } of scopeLogs.flatMap((scope) => scope.logRecords)) {
          logs.push({ process, body: text?.value.value, traceId: hex(traceId) });
        }
      }
    },
    "/v1/metrics": (body) => {
      for (const { resource, scopeMetrics } of fromBinary(ExportMetricsServiceRequestSchema, body).resourceMetrics) {
        const process = String(valuesOf(resource?.attributes ?? [])["service.name"]);
        const names = metrics.get(process) ?? new Set();
        metrics.set(process, names);
        for (const { name } of scopeMetrics.flatMap((scope) => scope.metrics)) {
          names.add(name);
        }
      }
    },
  };
  const server: Server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      take[request.url ?? ""]?.(Buffer.concat(pieces));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () => spans,
    logsOf: (traceId) => logs.filter((log) => log.traceId === traceId),
    metricsOf: (process) => metrics.get(process) ?? new Set(),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function valuesOf(attributes: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value?.value.value]));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
