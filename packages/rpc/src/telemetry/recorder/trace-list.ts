import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { type Call, TraceOrder, type TraceSummary, TraceSummarySchema } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { type RecordedSpan, traceIdOf } from "./recorded-span.ts";
import type { Recorder } from "./recorder.ts";

export interface TraceListOptions {
  readonly order: TraceOrder;
  readonly pageSize: number;
  /** Only these traces. Default: all. */
  readonly traceIds?: readonly string[];
  /** Only traces with a matching span. */
  readonly matches: (span: RecordedSpan) => boolean;
  /** Converts a span to a message. */
  readonly message: (span: RecordedSpan) => Call;
}

interface Known {
  readonly traceId: string;
  root: RecordedSpan;
  readonly processes: Set<string>;
  spans: number;
  failed: number;
  endMs: number;
  matches: boolean;
}

/** The recorded traces, in the requested order. */
export function listTraces(recorder: Recorder, options: TraceListOptions): readonly TraceSummary[] {
  const traces = new Map<string, Known>();
  const { traceIds = [], matches } = options;
  const wanted = new Set(traceIds);
  for (const span of recorder.journal.all()) {
    const traceId = traceIdOf(recorder.traceparentOf(span));
    if (wanted.size === 0 || wanted.has(traceId)) {
      add(traces, span, { traceId, matches: matches(span) });
    }
  }
  return [...traces.values()]
    .filter((trace) => trace.matches && (options.order !== TraceOrder.FAILED || trace.failed > 0))
    .sort(options.order === TraceOrder.SLOWEST ? bySlowest : byNewest)
    .slice(0, options.pageSize)
    .map((trace) => summary(trace, options.message));
}

function add(
  traces: Map<string, Known>,
  span: RecordedSpan,
  { traceId, matches }: { readonly traceId: string; readonly matches: boolean },
): void {
  let trace = traces.get(traceId);
  if (trace === undefined) {
    trace = { traceId, root: span, processes: new Set(), spans: 0, failed: 0, endMs: 0, matches: false };
    traces.set(traceId, trace);
  }
  if (span.startMs < trace.root.startMs || (span.startMs === trace.root.startMs && span.parent === undefined)) {
    trace.root = span;
  }
  trace.processes.add(span.process);
  trace.spans++;
  trace.failed += span.code === 0 ? 0 : 1;
  trace.endMs = Math.max(trace.endMs, span.startMs + span.latencyMs);
  trace.matches ||= matches;
}

function byNewest(one: Known, other: Known): number {
  return other.root.startMs - one.root.startMs;
}

function bySlowest(one: Known, other: Known): number {
  return other.endMs - other.root.startMs - (one.endMs - one.root.startMs);
}

function summary({ traceId, root, processes, spans, failed, endMs }: Known, message: (span: RecordedSpan) => Call) {
  const ms = endMs - root.startMs;
  const seconds = Math.floor(ms / 1_000);
  return create(TraceSummarySchema, {
    traceId,
    root: message(root),
    spans,
    failedSpans: failed,
    processes: [...processes].sort(),
    duration: create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.floor((ms - seconds * 1_000) * 1e6) }),
  });
}
