import type { CallContext } from "./call-context.ts";

/** Another tracing API in this process, which shares the trace of each call. */
export interface CallTracing {
  /** Runs code with a call's span as the active one of that API. */
  run<R>(context: CallContext, run: () => R): R;
  /** The `traceparent` of the span that is active in that API. Undefined if there is none. */
  activeSpan(): string | undefined;
}

let tracing: CallTracing | undefined;

/** Connects a tracing API with the calls of this process, or disconnects it. To be called before methods are served. */
export function traceCallsWith(connected: CallTracing | undefined): void {
  tracing = connected;
}

/** The connected tracing API. */
export function callTracing(): CallTracing | undefined {
  return tracing;
}

/**
 * The span that an outgoing call belongs to: that of the incoming call which it is made for, or a span that the application opened within it. A
 * span of another trace counts only outside of calls.
 */
export function spanOfOutgoing(context: CallContext | undefined): string | undefined {
  const active = tracing?.activeSpan();
  const own = context?.traceparent;
  return active !== undefined && (own === undefined || sameTrace(active, own)) ? active : own;
}

/** Compares the trace ids: 32 digits from the fourth character on. */
function sameTrace(one: string, other: string): boolean {
  return one.slice(3, 35) === other.slice(3, 35);
}
