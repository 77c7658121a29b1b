import type { DescMethod } from "@bufbuild/protobuf";
import { type Span, spanKinds } from "../../environment/spans/span-recorder.ts";
import { statusNames } from "../call-metrics.ts";
import { spanIdOf, traceIdOf } from "../recorder/recorded-span.ts";
import { ProtoWriter } from "./proto-writer.ts";

/** Field numbers of opentelemetry.proto, see standard/opentelemetry. */
const request = { resourceSpans: 1 } as const;
const resourceSpans = { resource: 1, scopeSpans: 2, schemaUrl: 3 } as const;
const scopeSpans = { scope: 1, spans: 2 } as const;
const field = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attributes: 9,
  links: 13,
  status: 15,
  flags: 16,
} as const;

/** SpanKind of opentelemetry.proto.trace.v1. */
const otelKinds: Readonly<Record<Span["kind"], number>> = {
  [spanKinds.server]: 2,
  [spanKinds.client]: 3,
  [spanKinds.attempt]: 3,
  [spanKinds.batched]: 2,
  [spanKinds.eventPublish]: 4,
  [spanKinds.eventConsume]: 5,
  [spanKinds.mail]: 3,
  [spanKinds.database]: 3,
};

/** The statuses that are errors in a server span (semantic conventions 1.45, "gRPC" and "Connect"). In a client span, all but OK are. */
const serverErrors: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);
const statusError = 2;
/** Span flags of opentelemetry.proto: whether it is known that the parent is remote, and whether it is. */
const parentKnown = 0x100;
const parentRemote = 0x200;

export const conventionsUrl = "https://opentelemetry.io/schemas/1.45.0";

export interface SpanEncoderOptions {
  /** The resource and the scope, as protobuf. */
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
  /** Converts a time of the monotonic clock to milliseconds since the Unix epoch. */
  readonly epochMs: (monotonicMs: number) => number;
  readonly traceparentOf: (span: Span) => string;
}

/** Encodes `ExportTraceServiceRequest`s. Attributes follow OpenTelemetry's semantic conventions 1.45. */
export function createSpanEncoder({
  resource,
  scope,
  epochMs,
  traceparentOf,
}: SpanEncoderOptions): (spans: readonly Span[]) => Uint8Array {
  const writer = new ProtoWriter();
  const fixed = new Map<DescMethod, Map<number, Uint8Array>>();

  function encodeSpan(span: Span): void {
    const traceparent = traceparentOf(span);
    const at = writer.begin(scopeSpans.spans);
    writer.hex(field.traceId, traceIdOf(traceparent));
    writer.hex(field.spanId, spanIdOf(traceparent));
    if (span.tracestate !== "") {
      writer.string(field.traceState, span.tracestate);
    }
    const hasParent = span.parent !== undefined && traceIdOf(span.parent) === traceIdOf(traceparent);
    if (hasParent) {
      writer.hex(field.parentSpanId, spanIdOf(span.parent));
    }
    writer.raw(fixedParts(span));
    writer.nanoseconds(field.start, epochMs(span.startMs));
    writer.nanoseconds(field.end, epochMs(span.startMs + span.latencyMs));
    writeAttributes(span);
    for (const link of span.links) {
      const linkAt = writer.begin(field.links);
      writer.hex(1, traceIdOf(link));
      writer.hex(2, spanIdOf(link));
      writer.end(linkAt);
    }
    if (isError(span)) {
      const statusAt = writer.begin(field.status);
      writer.string(2, span.message);
      writer.number(3, statusError);
      writer.end(statusAt);
    }
    const remote = hasParent && isInbound(span.kind) ? parentRemote : 0;
    writer.fixed32(field.flags, Number.parseInt(traceparent.slice(53, 55), 16) | parentKnown | remote);
    writer.end(at);
  }

  /** Name, kind and the attributes that all calls of a method share: encoded once. */
  function fixedParts(span: Span): Uint8Array {
    const { method, kind } = span;
    if (method === undefined) {
      return fixedBytes(span);
    }
    let kinds = fixed.get(method);
    if (kinds === undefined) {
      kinds = new Map();
      fixed.set(method, kinds);
    }
    const key = kind * 8 + protocols.indexOf(span.protocol);
    let bytes = kinds.get(key);
    if (bytes === undefined) {
      bytes = fixedBytes(span);
      kinds.set(key, bytes);
    }
    return bytes;
  }

  function writeAttributes(span: Span): void {
    const isCall = span.method !== undefined;
    if (isCall) {
      writer.raw(statusBytes(span.code));
    }
    if (isError(span)) {
      attribute(writer, "error.type", isCall ? (statusNames[span.code] ?? "UNKNOWN") : span.reason || "error");
    }
    if (isInbound(span.kind)) {
      textAttribute(writer, "client.address", span.peer);
    } else if (isCall) {
      textAttribute(writer, "server.address", span.other);
    }
    textAttribute(writer, "parley.request_id", span.requestId);
    textAttribute(writer, "parley.error_reason", isCall ? span.reason : "");
    numberAttribute(writer, "rpc.attempt", span.attempt);
    numberAttribute(writer, "parley.attempts", span.attempts > 1 ? span.attempts : 0);
    numberAttribute(writer, "parley.batch_size", span.batchSize);
    for (const [name, value] of Object.entries(span.attributes ?? {})) {
      textAttribute(writer, name, value);
    }
  }

  return (spans) => {
    const resourceAt = writer.begin(request.resourceSpans);
    writeBytes(writer, resourceSpans.resource, resource);
    const scopeAt = writer.begin(resourceSpans.scopeSpans);
    writeBytes(writer, scopeSpans.scope, scope);
    for (const span of spans) {
      encodeSpan(span);
    }
    writer.end(scopeAt);
    writer.string(resourceSpans.schemaUrl, conventionsUrl);
    writer.end(resourceAt);
    return writer.take();
  };
}

function writeBytes(writer: ProtoWriter, number: number, bytes: Uint8Array): void {
  const at = writer.begin(number);
  writer.raw(bytes);
  writer.end(at);
}

const protocols: readonly string[] = ["", "grpc", "grpc-web", "connect", "rest"];

function fixedBytes({ method, name, kind, protocol }: Span): Uint8Array {
  const writer = new ProtoWriter(512);
  if (method === undefined) {
    writer.string(field.name, name);
  } else {
    const fullName = `${method.parent.typeName}/${method.name}`;
    writer.string(field.name, fullName);
    attribute(writer, "rpc.system.name", protocol === "connect" || protocol === "rest" ? "connectrpc" : "grpc");
    attribute(writer, "rpc.method", fullName);
  }
  writer.number(field.kind, otelKinds[kind]);
  return writer.take();
}

const statuses: Uint8Array[] = statusNames.map((name) => {
  const writer = new ProtoWriter(128);
  attribute(writer, "rpc.response.status_code", name);
  return writer.take();
});

function statusBytes(code: number): Uint8Array {
  return statuses[code] ?? (statuses[2] as Uint8Array);
}

function isInbound(kind: number): boolean {
  return kind === spanKinds.server || kind === spanKinds.batched || kind === spanKinds.eventConsume;
}

function isError({ kind, code }: Span): boolean {
  return kind === spanKinds.server || kind === spanKinds.batched ? serverErrors.has(code) : code !== 0;
}

function textAttribute(writer: ProtoWriter, key: string, value: string): void {
  if (value !== "") {
    attribute(writer, key, value);
  }
}

/** KeyValue { key = 1, value = 2 { string_value = 1 } }. */
function attribute(writer: ProtoWriter, key: string, value: string): void {
  const at = writer.begin(field.attributes);
  writer.string(1, key);
  const valueAt = writer.begin(2);
  writer.string(1, value);
  writer.end(valueAt);
  writer.end(at);
}

/** KeyValue { key = 1, value = 2 { int_value = 3 } }. Omitted for 0. */
function numberAttribute(writer: ProtoWriter, key: string, value: number): void {
  if (value > 0) {
    const at = writer.begin(field.attributes);
    writer.string(1, key);
    const valueAt = writer.begin(2);
    writer.number(3, value);
    writer.end(valueAt);
    writer.end(at);
  }
}
