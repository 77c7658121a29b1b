import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Call, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { codeName } from "../outcome/failure.ts";
import type { SequenceCall } from "../render/sequence-steps.ts";
import { startMs } from "./ask-trace.ts";

/**
 * The spans of a trace as arrows between its processes: each hop once, from the server's span, or the client's if no server recorded one;
 * events from publisher to consumer; mail to its server. Spans inside one process are omitted.
 */
export function traceSequence(calls: readonly Call[]): readonly SequenceCall[] {
  const processes = new Set(calls.map(({ process }) => process));
  const answered = new Set(calls.filter(isServerSide).map(({ parentSpanId }) => parentSpanId));
  const attempted = new Set(
    calls.filter(({ kind }) => kind === SpanKind.ATTEMPT).map(({ parentSpanId }) => parentSpanId),
  );
  const shown = calls.filter((call) => {
    switch (call.kind) {
      case SpanKind.SERVER:
      case SpanKind.BATCHED:
      case SpanKind.EVENT_CONSUME:
      case SpanKind.MAIL:
        return true;
      case SpanKind.CLIENT:
        return !answered.has(call.spanId) && !attempted.has(call.spanId);
      case SpanKind.ATTEMPT:
        return !answered.has(call.spanId);
      default:
        return false;
    }
  });
  const beginMs = Math.min(...shown.map(startMs));
  return shown.map((call) => ({
    from: nameOf(call.from, processes),
    to: call.to,
    service: call.service,
    method: labelOf(call),
    startMs: startMs(call) - beginMs,
    durationMs: latencyMs(call),
    code: call.code === 0 ? "OK" : codeName(call.code as number),
    ...(call.kind === SpanKind.EVENT_CONSUME ? { carries: "event" as const } : {}),
    ...(call.kind === SpanKind.MAIL ? { carries: "mail" as const } : {}),
  }));
}

/** How long a span took, in milliseconds. */
export function latencyMs({ latency }: Call): number {
  return latency === undefined ? 0 : durationMs(latency) + (latency.nanos % 1_000_000) / 1e6;
}

function isServerSide({ kind }: Call): boolean {
  return kind === SpanKind.SERVER || kind === SpanKind.BATCHED;
}

/** A caller without spans is outside of the platform, and is shown as `you`. */
function nameOf(name: string, processes: ReadonlySet<string>): string {
  return processes.has(name) ? name : "you";
}

function labelOf({ kind, method, batchSize, attempt }: Call): string {
  if (kind === SpanKind.ATTEMPT) {
    return `${method} #${attempt}`;
  }
  return batchSize > 1 ? `${method} ⧉${batchSize}` : method;
}
