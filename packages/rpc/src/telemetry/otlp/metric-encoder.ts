import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ExportMetricsServiceRequestSchema } from "@parley/gen/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.js";
import {
  AggregationTemporality,
  type HistogramDataPointSchema,
  type MetricSchema,
} from "@parley/gen/opentelemetry/proto/metrics/v1/metrics_pb.js";
import type { ReadMetric, Sample } from "../metrics/read-metrics.ts";
import { keyValue, resourceMessage, scopeMessage } from "./resource.ts";
import { conventionsUrl } from "./span-encoder.ts";

export interface MetricTimes {
  /** The start time of cumulative counters, in milliseconds since the Unix epoch. */
  readonly startMs: number;
  readonly nowMs: number;
}

/** Encodes metrics as an `ExportMetricsServiceRequest`, with the names of `/metrics`. */
export function encodeMetrics(
  metrics: readonly ReadMetric[],
  { resource, ...times }: MetricTimes & { readonly resource: Readonly<Record<string, string>> },
): Uint8Array {
  return toBinary(
    ExportMetricsServiceRequestSchema,
    create(ExportMetricsServiceRequestSchema, {
      resourceMetrics: [
        {
          resource: resourceMessage(resource),
          scopeMetrics: [{ scope: scopeMessage, metrics: metrics.map((metric) => encoded(metric, times)) }],
          schemaUrl: conventionsUrl,
        },
      ],
    }),
  );
}

function encoded(metric: ReadMetric, times: MetricTimes): MessageInitShape<typeof MetricSchema> {
  const { name, help, type } = metric;
  const common = { name, description: help, unit: unitOf(name) };
  const points = metric.samples.map(({ labels, value }) => ({
    ...pointTimes(times),
    attributes: Object.entries(labels).map(([key, text]) => keyValue(key, String(text))),
    value: { case: "asDouble" as const, value },
  }));
  switch (type) {
    case "counter":
      return {
        ...common,
        data: {
          case: "sum",
          value: {
            dataPoints: points,
            aggregationTemporality: AggregationTemporality.CUMULATIVE,
            isMonotonic: true,
          },
        },
      };
    case "histogram":
      return {
        ...common,
        data: {
          case: "histogram",
          value: {
            dataPoints: histogramPoints(metric, times),
            aggregationTemporality: AggregationTemporality.CUMULATIVE,
          },
        },
      };
    default:
      return { ...common, data: { case: "gauge", value: { dataPoints: points } } };
  }
}

function pointTimes({ startMs, nowMs }: MetricTimes) {
  return { startTimeUnixNano: nanos(startMs), timeUnixNano: nanos(nowMs) };
}

function nanos(ms: number): bigint {
  return BigInt(Math.floor(ms)) * 1_000_000n;
}

/** A histogram's samples have a label `le`, and their counts are cumulative. */
function histogramPoints(
  { name, samples }: ReadMetric,
  times: MetricTimes,
): MessageInitShape<typeof HistogramDataPointSchema>[] {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    const known = series.get(key);
    if (known === undefined) {
      series.set(key, [sample]);
    } else {
      known.push(sample);
    }
  }
  return [...series].map(([key, ofSeries]) => {
    const buckets = ofSeries.filter(({ metricName }) => metricName === `${name}_bucket`);
    const below = buckets.map(({ value }) => value);
    return {
      ...pointTimes(times),
      attributes: Object.entries(JSON.parse(key) as Record<string, string>).map(([label, text]) =>
        keyValue(label, text),
      ),
      count: BigInt(ofSeries.find(({ metricName }) => metricName === `${name}_count`)?.value ?? 0),
      sum: ofSeries.find(({ metricName }) => metricName === `${name}_sum`)?.value ?? 0,
      bucketCounts: below.map((count, index) => BigInt(count - (below[index - 1] ?? 0))),
      explicitBounds: buckets.map(({ labels }) => Number(labels.le)).filter(Number.isFinite),
      exemplars: buckets.flatMap(({ exemplar }) =>
        exemplar === undefined
          ? []
          : [
              {
                timeUnixNano: nanos(exemplar.timeMs),
                value: { case: "asDouble" as const, value: exemplar.value },
                traceId: Buffer.from(exemplar.traceId, "hex"),
                spanId: Buffer.from(exemplar.spanId, "hex"),
              },
            ],
      ),
    };
  });
}

/** The UCUM unit, which OpenTelemetry requires. */
function unitOf(name: string): string {
  return /_seconds(_total)?$/.test(name) ? "s" : /_bytes(_total)?$/.test(name) ? "By" : "";
}
