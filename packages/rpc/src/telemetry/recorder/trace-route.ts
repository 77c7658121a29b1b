import type { RouteOptions } from "fastify";
import { spanKinds } from "../../environment/spans/span-recorder.ts";
import { statusNames } from "../call-metrics.ts";
import { type RecordedSpan, spanIdOf, traceIdOf } from "./recorded-span.ts";
import type { Recorder } from "./recorder.ts";

/** An ended call in the response of `GET /traces/{traceId}`. It contains no request or response data. */
export interface TracedCall {
  /** For example `order.v1.OrderService`. */
  readonly service: string;
  readonly method: string;
  /** The caller's address, or the name in its client certificate. */
  readonly peer: string;
  /** The first word of the `user-agent`: the name of the calling service on this platform. Empty without one. */
  readonly caller: string;
  readonly spanId: string;
  /** The caller's span. Empty for a root span. */
  readonly parentSpanId: string;
  /** When it began, in milliseconds since the Unix epoch, with a fraction. */
  readonly startTimeMs: number;
  readonly durationMs: number;
  /** The name of the gRPC status, for example `OK`. */
  readonly code: string;
}

/** The maximum number of calls in a response. If there are more, `truncated` is set. */
const answerCallsMax = 256;

/** `GET /traces/{traceId}` on a service's own port, see {@link traceAnswer}. */
export function traceRoute(recorder: Recorder): RouteOptions {
  return {
    method: "GET",
    url: "/traces/:traceId",
    handler: (request, reply) => {
      const { status, body } = traceAnswer(recorder, (request.params as { traceId: string }).traceId);
      return reply.code(status).header("cache-control", "no-store").send(body);
    },
  };
}

/** `{"calls": [...], "truncated": false}`; 400 if the text is not a trace id (W3C Trace Context, section 3.2.2.3). */
export function traceAnswer(recorder: Recorder, traceId: string): { readonly status: number; readonly body: object } {
  if (!/^[0-9a-f]{32}$/.test(traceId)) {
    return { status: 400, body: { code: "invalid_argument", message: "a trace id is 32 hexadecimal digits" } };
  }
  const calls = recorder.journal
    .ofTrace(traceId)
    .filter(({ kind }) => kind === spanKinds.server || kind === spanKinds.batched)
    .sort((one, other) => one.startMs - other.startMs)
    .map((span) => tracedCall(recorder, span));
  return { status: 200, body: { calls: calls.slice(0, answerCallsMax), truncated: calls.length > answerCallsMax } };
}

function tracedCall(recorder: Recorder, span: RecordedSpan): TracedCall {
  const { method, peer, other: caller, parent, startMs, latencyMs: durationMs, code } = span;
  const traceparent = recorder.traceparentOf(span);
  return {
    service: method?.parent.typeName ?? "",
    method: method?.name ?? "",
    peer,
    caller,
    spanId: spanIdOf(traceparent),
    parentSpanId: traceIdOf(parent) === traceIdOf(traceparent) ? spanIdOf(parent) : "",
    startTimeMs: recorder.epochMs(startMs),
    durationMs,
    code: statusNames[code] ?? "UNKNOWN",
  };
}
