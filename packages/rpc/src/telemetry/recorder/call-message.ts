import { create, type Registry } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Call, CallSchema, MethodKind, type SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { spanKinds } from "../../environment/spans/span-recorder.ts";
import { maskedJson } from "./masked-json.ts";
import { isSampled, type RecordedSpan, spanIdOf, traceIdOf } from "./recorded-span.ts";
import type { Recorder } from "./recorder.ts";

export interface CallMessageOptions {
  readonly recorder: Recorder;
  /** The id of this replica of the process. */
  readonly replica: string;
  /** Whether to include headers and messages. */
  readonly payloads: boolean;
  /** The types that `google.protobuf.Any` may contain. */
  readonly registry: Registry;
}

/** A span as a message of `rpc.v1.TelemetryService`. */
export function callMessage(span: RecordedSpan, { recorder, replica, payloads, registry }: CallMessageOptions): Call {
  const { method } = span;
  const traceparent = recorder.traceparentOf(span);
  const isInbound = inbound.has(span.kind);
  const call = create(CallSchema, {
    startTime: timestamp(recorder.epochMs(span.startMs)),
    latency: duration(span.latencyMs),
    kind: span.kind as number as SpanKind,
    from: isInbound ? span.other || "client" : span.process,
    to: isInbound ? span.process : span.other,
    service: method?.parent.typeName ?? "",
    method: method?.name ?? span.name,
    protocol: span.protocol,
    methodKind: method === undefined ? MethodKind.UNSPECIFIED : methodKinds[method.methodKind],
    code: span.code,
    message: span.message,
    reason: span.reason,
    attempt: span.attempt,
    attempts: span.attempts,
    batchSize: span.batchSize,
    marks: [...span.marks],
    requestId: span.requestId,
    traceId: traceIdOf(traceparent),
    spanId: spanIdOf(traceparent),
    parentSpanId: traceIdOf(span.parent) === traceIdOf(traceparent) ? spanIdOf(span.parent) : "",
    links: span.links.map((link) => ({ traceId: traceIdOf(link), spanId: spanIdOf(link) })),
    process: span.process,
    replica,
    peer: span.peer,
    caller: span.caller,
    requestMessages: BigInt(span.requestMessages),
    responseMessages: BigInt(span.responseMessages),
    sampled: isSampled(traceparent),
    attributes: { ...span.attributes },
  });
  if (span.deadlineLeftMs !== undefined) {
    call.deadlineLeft = duration(span.deadlineLeftMs);
  }
  if (payloads && span.payload !== undefined) {
    addPayload(call, span, registry);
  }
  return call;
}

/** Span kinds of received calls: the other side is the caller. */
const inbound: ReadonlySet<number> = new Set([spanKinds.server, spanKinds.batched, spanKinds.eventConsume]);

const methodKinds = {
  unary: MethodKind.UNARY,
  server_streaming: MethodKind.SERVER_STREAM,
  client_streaming: MethodKind.CLIENT_STREAM,
  bidi_streaming: MethodKind.BIDI_STREAM,
} as const;

/** Headers whose values are or contain secrets. */
const secretHeader = /authorization|cookie|token|secret|password|forwarded-by|on-behalf-of|api-key|certificate/;
const headersMax = 64;
const headerCharsMax = 1_024;

function addPayload(call: Call, { method, payload }: RecordedSpan, registry: Registry): void {
  call.requestHeaders = shown(payload?.requestHeader);
  call.responseHeaders = shown(payload?.responseHeader);
  if (method !== undefined && payload?.request !== undefined) {
    const { text, truncated } = maskedJson(method.input, payload.request, registry);
    call.requestJson = text;
    call.payloadTruncated ||= truncated;
  }
  if (method !== undefined && payload?.response !== undefined) {
    const { text, truncated } = maskedJson(method.output, payload.response, registry);
    call.responseJson = text;
    call.payloadTruncated ||= truncated;
  }
}

function shown(header: Iterable<readonly [string, string]> | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  let count = 0;
  for (const [name, value] of header ?? []) {
    if (count++ >= headersMax) {
      break;
    }
    headers[name] = secretHeader.test(name) ? "REDACTED" : value.slice(0, headerCharsMax);
  }
  return headers;
}

function timestamp(ms: number): Timestamp {
  return create(TimestampSchema, parts(ms));
}

function duration(ms: number): Duration {
  return create(DurationSchema, parts(Math.max(0, ms)));
}

function parts(ms: number): { readonly seconds: bigint; readonly nanos: number } {
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.min(999_999_999, Math.round((ms - seconds * 1_000) * 1e6)) };
}
