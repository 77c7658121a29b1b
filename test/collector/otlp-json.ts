/** OTLP in JSON, as the Collector writes it ("OTLP/JSON": ids are hexadecimal, 64-bit numbers are strings). */

export type Attributes = Readonly<Record<string, unknown>>;

export interface CollectedSpan {
  readonly process: string;
  readonly name: string;
  /** `SPAN_KIND_SERVER` is 2. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startMs: number;
  readonly latencyMs: number;
  /** `STATUS_CODE_ERROR` is 2. */
  readonly status: number;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

export interface CollectedLog {
  readonly process: string;
  readonly traceId: string;
  readonly body: unknown;
  readonly severity: string;
  readonly attributes: Attributes;
}

export interface CollectedMetric {
  readonly process: string;
  readonly name: string;
  readonly unit: string;
  readonly type: "histogram" | "sum" | "gauge";
  readonly monotonic: boolean;
  readonly cumulative: boolean;
  readonly points: readonly {
    readonly attributes: Attributes;
    readonly value: number;
    readonly exemplars: readonly string[];
  }[];
}

export function spansIn(lines: readonly unknown[]): readonly CollectedSpan[] {
  return entries(lines, ["resourceSpans", "scopeSpans", "spans"]).map(({ process, entry }) => ({
    process,
    name: text(entry.name),
    kind: Number(entry.kind),
    traceId: text(entry.traceId),
    spanId: text(entry.spanId),
    parentSpanId: text(entry.parentSpanId),
    startMs: Number(BigInt(text(entry.startTimeUnixNano)) / 1_000n) / 1_000,
    latencyMs: Number(BigInt(text(entry.endTimeUnixNano)) - BigInt(text(entry.startTimeUnixNano))) / 1e6,
    status: Number((entry.status as Entry | undefined)?.code ?? 0),
    attributes: attributesOf(entry),
    links: list(entry.links).map(({ traceId, spanId }) => ({ traceId: text(traceId), spanId: text(spanId) })),
  }));
}

export function logsIn(lines: readonly unknown[]): readonly CollectedLog[] {
  return entries(lines, ["resourceLogs", "scopeLogs", "logRecords"]).map(({ process, entry }) => ({
    process,
    traceId: text(entry.traceId),
    body: contentOf(entry.body),
    severity: text(entry.severityText),
    attributes: attributesOf(entry),
  }));
}

export function metricsIn(lines: readonly unknown[]): readonly CollectedMetric[] {
  return entries(lines, ["resourceMetrics", "scopeMetrics", "metrics"]).map(({ process, entry }) => {
    const type = (["histogram", "sum", "gauge"] as const).find((one) => one in entry) ?? "gauge";
    const data = (entry[type] ?? {}) as Entry;
    return {
      process,
      name: text(entry.name),
      unit: text(entry.unit),
      type,
      monotonic: data.isMonotonic === true,
      cumulative: Number(data.aggregationTemporality) === 2,
      points: list(data.dataPoints).map((point) => ({
        attributes: attributesOf(point),
        value: Number(point.count ?? point.asDouble ?? point.asInt),
        exemplars: list(point.exemplars).map(({ traceId }) => text(traceId)),
      })),
    };
  });
}

type Entry = Readonly<Record<string, unknown>>;

/** The innermost messages of export requests, with the process of their resource. */
function entries(lines: readonly unknown[], [outer, scope, inner]: readonly [string, string, string]) {
  return lines.flatMap((line) =>
    list((line as Entry)[outer]).flatMap((resource) => {
      const process = text(attributesOf(resource.resource as Entry)["service.name"]);
      return list(resource[scope]).flatMap((one) => list(one[inner]).map((entry) => ({ process, entry })));
    }),
  );
}

function attributesOf({ attributes }: Entry): Attributes {
  return Object.fromEntries(list(attributes).map(({ key, value }) => [key, contentOf(value)]));
}

function contentOf(value: unknown): unknown {
  const [[kind, content] = []] = Object.entries((value ?? {}) as Entry);
  return kind === "intValue" ? Number(content) : content;
}

function list(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
