import { durationMs } from "@bufbuild/protobuf/wkt";
import type { CallFilter } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { type RecordedSpan, traceIdOf } from "./recorded-span.ts";

/** A predicate for spans that match the filter. */
export function spanFilter(filter: CallFilter | undefined): (span: RecordedSpan) => boolean {
  if (filter === undefined) {
    return () => true;
  }
  const { service, method, failed, traceId, subject } = filter;
  const codes = new Set<number>(filter.codes);
  const kinds = new Set<number>(filter.kinds);
  const minMs = filter.minLatency === undefined ? 0 : durationMs(filter.minLatency);
  return (span) =>
    (!failed || span.code !== 0) &&
    span.latencyMs >= minMs &&
    (codes.size === 0 || codes.has(span.code)) &&
    (kinds.size === 0 || kinds.has(span.kind)) &&
    (method === "" || (span.method?.name ?? span.name) === method) &&
    (traceId === "" || traceIdOf(span.traceparent) === traceId) &&
    (subject === "" || span.attributes?.["parley.event.subject"] === subject) &&
    (service === "" || isOf(span, service));
}

function isOf({ process, other, method }: RecordedSpan, service: string): boolean {
  return process === service || other === service || method?.parent.typeName === service;
}
