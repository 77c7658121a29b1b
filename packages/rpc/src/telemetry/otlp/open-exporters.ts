import { fromBinary } from "@bufbuild/protobuf";
import { ExportLogsServiceResponseSchema } from "@parley/gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.js";
import { ExportMetricsServiceResponseSchema } from "@parley/gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.js";
import { ExportTraceServiceResponseSchema } from "@parley/gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.js";
import type { Environment } from "../../environment/environment.ts";
import type { Span } from "../../environment/spans/span-recorder.ts";
import { readMetrics } from "../metrics/read-metrics.ts";
import { BatchExporter } from "./batch-exporter.ts";
import { exportMetrics } from "./export-metrics.ts";
import { createLogEncoder } from "./log-encoder.ts";
import { encodeMetrics } from "./metric-encoder.ts";
import { OtlpClient } from "./otlp-client.ts";
import type { BatchConfig, OtlpConfig, OtlpEndpoint } from "./otlp-config.ts";
import { encodedResource } from "./resource.ts";
import { createSpanEncoder, type SpanEncoderOptions } from "./span-encoder.ts";

/** The dependencies of exporters. */
export interface ExportersOptions extends Pick<SpanEncoderOptions, "epochMs" | "traceparentOf"> {
  readonly environment: Pick<Environment, "clock" | "random" | "metrics" | "log">;
}

/** The OTLP exporters of a process. */
export interface Exporters {
  readonly spans: { add(span: Span): void } | undefined;
  readonly logs: { add(line: string): void } | undefined;
  /** Exports the queues, for at most `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
}

/** Creates the configured exporters. */
export function openExporters(config: OtlpConfig, options: ExportersOptions): Exporters {
  const { traces, logs, metrics, resource } = config;
  const spans =
    traces &&
    exporter<Span>("traces", traces, {
      ...options,
      encode: createSpanEncoder({ ...encodedResource(resource), ...options }),
      rejected: (body) => fromBinary(ExportTraceServiceResponseSchema, body).partialSuccess?.rejectedSpans,
    });
  const lines =
    logs &&
    exporter<string>("logs", logs, {
      ...options,
      encode: createLogEncoder(resource),
      rejected: (body) => fromBinary(ExportLogsServiceResponseSchema, body).partialSuccess?.rejectedLogRecords,
    });
  const stopMetrics = metrics && exportPeriodically(metrics, { ...options, resource });
  return {
    spans,
    logs: lines,
    async close(timeoutMs) {
      await Promise.all([spans?.close(timeoutMs), lines?.close(timeoutMs), stopMetrics?.(timeoutMs)]);
    },
  };
}

interface SignalOptions<T> extends ExportersOptions {
  readonly encode: (batch: readonly T[]) => Uint8Array;
  readonly rejected: (body: Uint8Array) => bigint | undefined;
}

function exporter<T>(
  signal: string,
  endpoint: OtlpEndpoint & BatchConfig,
  options: SignalOptions<T>,
): BatchExporter<T> {
  const { environment, encode, rejected } = options;
  const { clock, random, log, metrics } = environment;
  const client = new OtlpClient(endpoint);
  return new BatchExporter<T>({
    ...endpoint,
    clock,
    random,
    encode,
    send: (message, abort) => client.send(message, abort),
    rejected: (body) => count(() => rejected(body)),
    metrics: exportMetrics(metrics, signal),
    onTrouble(cause) {
      if (cause === undefined) {
        log.info({ signal }, "telemetry export resumed");
      } else {
        log.warn({ signal, url: endpoint.url, cause }, "telemetry export failed");
      }
    },
  });
}

/** An undecodable response counts as no rejected items. */
function count(read: () => bigint | undefined): number {
  try {
    return Number(read() ?? 0n);
  } catch {
    return 0;
  }
}

/** Exports all metrics periodically, and once more on close. */
function exportPeriodically(
  endpoint: OtlpEndpoint & { readonly intervalMs: number },
  { environment, resource, epochMs }: ExportersOptions & { readonly resource: Readonly<Record<string, string>> },
): (timeoutMs: number) => Promise<void> {
  const { clock, metrics } = environment;
  const startMs = epochMs(clock.monotonic());
  const batches = exporter<Uint8Array>(
    "metrics",
    // One at a time: metrics are cumulative, so each export supersedes the last.
    { ...endpoint, queueLengthMax: 1, batchLengthMax: 1, delayMs: 0 },
    {
      environment,
      epochMs,
      traceparentOf: () => "",
      encode: ([message]) => message ?? new Uint8Array(),
      rejected: (body) => fromBinary(ExportMetricsServiceResponseSchema, body).partialSuccess?.rejectedDataPoints,
    },
  );
  const collect = async () => {
    const nowMs = epochMs(clock.monotonic());
    batches.add(encodeMetrics(await readMetrics(metrics), { resource, startMs, nowMs }));
  };
  let cancel = clock.after(endpoint.intervalMs, tick);
  function tick() {
    cancel = clock.after(endpoint.intervalMs, tick);
    void collect();
  }
  return async (timeoutMs) => {
    cancel();
    await collect();
    await batches.close(timeoutMs);
  };
}
