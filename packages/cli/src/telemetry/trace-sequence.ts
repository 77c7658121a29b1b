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
  const starts = alignedStarts(calls);
  const startOf = (call: Call) => starts.get(call) ?? startMs(call);
  const beginMs = Math.min(...shown.map(startOf));
  return shown.map((call) => ({
    from: nameOf(call.from, processes),
    to: call.to,
    service: call.service,
    method: labelOf(call),
    startMs: startOf(call) - beginMs,
    durationMs: latencyMs(call),
    code: call.code === 0 ? "OK" : codeName(call.code as number),
    ...(call.kind === SpanKind.EVENT_CONSUME ? { carries: "event" as const } : {}),
    ...(call.kind === SpanKind.MAIL ? { carries: "mail" as const } : {}),
  }));
}

/**
 * The start of each span by its caller's clock, in milliseconds. The clocks of two processes differ, so that a call could appear to begin before its
 * caller made it. Such a call is moved to the middle of its caller's span, and all that follows from it by as much.
 */
function alignedStarts(calls: readonly Call[]): ReadonlyMap<Call, number> {
  const bySpanId = new Map(calls.map((call) => [call.spanId, call]));
  const starts = new Map<Call, number>();
  const startOf = (call: Call): number => {
    const known = starts.get(call);
    if (known !== undefined) {
      return known;
    }
    const ownMs = startMs(call);
    // Also ends the search if spans name each other as parents.
    starts.set(call, ownMs);
    const parent = bySpanId.get(call.parentSpanId);
    if (parent !== undefined) {
      const parentMs = startOf(parent);
      const alignedMs = ownMs + parentMs - startMs(parent);
      starts.set(
        call,
        parent.process === call.process ? alignedMs : withinParent(call, { parent, parentMs, alignedMs }),
      );
    }
    return starts.get(call) ?? ownMs;
  };
  for (const call of calls) {
    startOf(call);
  }
  return starts;
}

function withinParent(
  call: Call,
  { parent, parentMs, alignedMs }: { readonly parent: Call; readonly parentMs: number; readonly alignedMs: number },
): number {
  if (!isServerSide(call)) {
    // No caller waits for an event or a mail.
    return Math.max(parentMs, alignedMs);
  }
  const spareMs = latencyMs(parent) - latencyMs(call);
  if (spareMs < 0) {
    // The caller gave up before, so only its end is known.
    return Math.min(Math.max(parentMs, alignedMs), parentMs + latencyMs(parent));
  }
  const isWithin = alignedMs >= parentMs && alignedMs <= parentMs + spareMs;
  return isWithin ? alignedMs : parentMs + spareMs / 2;
}

/** How long a span took, in milliseconds, with a fraction. */
export function latencyMs({ latency }: Call): number {
  return latency === undefined ? 0 : Number(latency.seconds) * 1_000 + latency.nanos / 1e6;
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
