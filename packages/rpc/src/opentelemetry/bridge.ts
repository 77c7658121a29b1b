import { type Context, context, createTraceState, propagation, type SpanContext, trace } from "@opentelemetry/api";
import type { CallContext } from "../call/call-context.ts";
import { type CallTracing, traceCallsWith } from "../call/call-tracing.ts";
import { wantCurrentCall } from "../call/current-call.ts";

/**
 * Connects the calls of this process with `@opentelemetry/api`:
 *
 * - While an implementation runs, the span of its call is the active one. Spans that the application's own instrumentation starts become its
 *   children. Baggage of the call is the active baggage.
 * - A call that the application makes within a span of its own has that span as its parent.
 *
 * Needs a context manager, which OpenTelemetry's SDK registers, and environments with a recorder: those of `openTelemetry`, of `runService`, and
 * of `serve` unless `telemetry` is false. Call it before methods are served. The active span of a call is of the kind that
 * `trace.wrapSpanContext` creates: attributes and events that are added to it are ignored. Call the result to disconnect.
 */
export function bridgeOpenTelemetry(): () => void {
  wantCurrentCall();
  traceCallsWith(bridge);
  return () => traceCallsWith(undefined);
}

const bridge: CallTracing = {
  run: (call, run) => context.with(contextOf(call), run),
  activeSpan() {
    const active = trace.getSpanContext(context.active());
    return active !== undefined && trace.isSpanContextValid(active) ? traceparentOf(active) : undefined;
  },
};

function contextOf(call: CallContext): Context {
  const active = trace.setSpanContext(context.active(), spanContextOf(call));
  return call.baggage === undefined
    ? active
    : propagation.extract(propagation.deleteBaggage(active), { baggage: call.baggage });
}

function spanContextOf({ traceparent, tracestate }: CallContext): SpanContext {
  return {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53, 55), 16),
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

/** W3C Trace Context, version 00. */
function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, "0")}`;
}
