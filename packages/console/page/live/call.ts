import { type Call, MethodKind, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";

export function startMs({ startTime }: Call): number {
  return startTime === undefined ? 0 : Number(startTime.seconds) * 1_000 + startTime.nanos / 1e6;
}

export function latencyMs({ latency }: Pick<Call, "latency">): number {
  return latency === undefined ? 0 : Number(latency.seconds) * 1_000 + latency.nanos / 1e6;
}

/** Whether no caller waited for it: events, their delivery, and mails. */
export function isAsync({ kind, service }: Call): boolean {
  return (
    kind === SpanKind.EVENT_PUBLISH ||
    kind === SpanKind.EVENT_CONSUME ||
    kind === SpanKind.MAIL ||
    service === "event.v1.EventService"
  );
}

/** Whether it failed. A stream that its reader cancelled did not. */
export function isFailed({ code, methodKind }: Call): boolean {
  return code !== 0 && !(code === canceled && methodKind > MethodKind.UNARY);
}

const canceled = 1;

/** Replaces the user agent of browsers by "browser". */
export function named(call: Call): Call {
  if (call.from === "Mozilla") {
    call.from = "browser";
  }
  return call;
}
