import { create } from "@bufbuild/protobuf";
import { durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  type Client,
  ConnectError,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import {
  type Call,
  GetTraceResponseSchema,
  type ListTracesRequest,
  ListTracesRequestSchema,
  ListTracesResponseSchema,
  type SilentProcess,
  SilentProcessSchema,
  type TelemetryService,
  TraceOrder,
  type TraceSummary,
  type WatchCallsRequest,
} from "@parley/gen/rpc/v1/telemetry_pb.js";
import { within } from "@parley/rpc";
import { requestHeader } from "../request-header.ts";
import type { MergedWatches } from "./merged-watches.ts";
import type { TelemetrySource } from "./telemetry-sources.ts";

export interface MergedTelemetryOptions {
  /** The gateway's own. */
  readonly own: ServiceImpl<typeof TelemetryService>;
  /** All replicas of all processes behind the gateway, as they are known now. */
  readonly sources: () => Promise<readonly TelemetrySource[]>;
  readonly watches: MergedWatches;
}

/** The time limit for one process, in milliseconds: a process that hangs must not delay the results of the others. */
const answerMaxMs = 1_500;
const traceCallsMax = 1_000;
const pageSizeDefault = 20;

/** `rpc.v1.TelemetryService` for all processes: queries each, and merges the responses. */
export function mergedTelemetry({
  own,
  sources,
  watches,
}: MergedTelemetryOptions): ServiceImpl<typeof TelemetryService> {
  async function askAll<T>(
    context: HandlerContext,
    ask: (client: Client<typeof TelemetryService>, options: CallOptions) => Promise<T>,
  ): Promise<{ readonly answers: readonly T[]; readonly silent: SilentProcess[] }> {
    const options = { ...within(context), ...credentials(context), timeoutMs: answerMaxMs };
    const asked = await Promise.all(
      (await sources()).map(async ({ name, client }) => {
        try {
          return { answer: await ask(client, options) };
        } catch (error) {
          return { silent: create(SilentProcessSchema, { process: name, cause: ConnectError.from(error).message }) };
        }
      }),
    );
    return {
      answers: asked.flatMap(({ answer }) => (answer === undefined ? [] : [answer])),
      silent: asked.flatMap(({ silent }) => (silent === undefined ? [] : [silent])),
    };
  }

  async function listed(request: ListTracesRequest, context: HandlerContext) {
    const mine = await own.listTraces(request, context);
    const { answers, silent } = await askAll(context, (client, options) => client.listTraces(request, options));
    const traces = new Map<string, TraceSummary>();
    for (const trace of [mine, ...answers].flatMap((answer) => (answer.traces ?? []) as TraceSummary[])) {
      const known = traces.get(trace.traceId);
      traces.set(trace.traceId, known === undefined ? trace : merged(known, trace));
    }
    return { traces: [...traces.values()], silent };
  }

  return {
    watchCalls(request, context) {
      return watches.watch(request as WatchCallsRequest, { own, context, headers: credentials(context).headers });
    },
    async getTrace(request, context) {
      const mine = await own.getTrace(request, context);
      const { answers, silent } = await askAll(context, (client, options) => client.getTrace(request, options));
      const calls = [mine, ...answers].flatMap((answer) => (answer.calls ?? []) as Call[]).sort(byStart);
      return create(GetTraceResponseSchema, {
        calls: calls.slice(0, traceCallsMax),
        truncated: calls.length > traceCallsMax || [mine, ...answers].some(({ truncated }) => truncated === true),
        silent,
      });
    },
    async listTraces(request, context) {
      const order = request.order === TraceOrder.SLOWEST ? bySlowest : byNewest;
      const pageSize = request.pageSize === 0 ? pageSizeDefault : request.pageSize;
      const found = await listed(request, context);
      const chosen = found.traces.sort(order).slice(0, pageSize);
      if (chosen.length === 0) {
        return create(ListTracesResponseSchema, { silent: found.silent });
      }
      // Each process ranks traces by its own spans only, so the other processes' spans of the chosen traces are queried separately.
      const traceIds = chosen.map(({ traceId }) => traceId);
      const whole = await listed(create(ListTracesRequestSchema, { traceIds, pageSize: traceIds.length }), context);
      return create(ListTracesResponseSchema, { traces: whole.traces.sort(order), silent: whole.silent });
    },
  };
}

/** The caller's credentials. The processes behind the gateway check them. */
function credentials(context: HandlerContext): { readonly headers: [string, string][] } {
  const token = requestHeader(context, "authorization");
  return { headers: token === undefined ? [] : [["authorization", token]] };
}

function startMs(call: Call | undefined): number {
  return call?.startTime === undefined ? Number.POSITIVE_INFINITY : timestampMs(call.startTime);
}

function startNanos({ startTime }: Call): number {
  return startTime?.nanos ?? 0;
}

/** Of two spans with the same start, the client's comes first, because a server span cannot begin before its client span. */
function byStart(one: Call, other: Call): number {
  return startMs(one) - startMs(other) || startNanos(one) - startNanos(other) || other.kind - one.kind;
}

/** Merges two processes' parts of one trace. */
function merged(one: TraceSummary, other: TraceSummary): TraceSummary {
  const isFirst = hasNoParent(one) === hasNoParent(other) ? startMs(one.root) <= startMs(other.root) : hasNoParent(one);
  const [first, second] = isFirst ? [one, other] : [other, one];
  return {
    ...first,
    spans: first.spans + second.spans,
    failedSpans: first.failedSpans + second.failedSpans,
    processes: [...new Set([...first.processes, ...second.processes])].sort(),
    ...(endMs(second) > endMs(first) && second.duration !== undefined
      ? { duration: durationUntil(first, endMs(second)) }
      : {}),
  };
}

function hasNoParent({ root }: TraceSummary): boolean {
  return root?.parentSpanId === "";
}

function endMs({ root, duration }: TraceSummary): number {
  return startMs(root) + (duration === undefined ? 0 : durationMs(duration));
}

function durationUntil({ root }: TraceSummary, untilMs: number): NonNullable<TraceSummary["duration"]> {
  const ms = Math.max(0, untilMs - startMs(root));
  const seconds = Math.floor(ms / 1_000);
  return {
    $typeName: "google.protobuf.Duration",
    seconds: BigInt(seconds),
    nanos: Math.floor((ms - seconds * 1_000) * 1e6),
  };
}

function byNewest(one: TraceSummary, other: TraceSummary): number {
  return startMs(other.root) - startMs(one.root);
}

/** By nanoseconds: `durationMs` rounds. */
function bySlowest({ duration: one }: TraceSummary, { duration: other }: TraceSummary): number {
  return Number((other?.seconds ?? 0n) - (one?.seconds ?? 0n)) || (other?.nanos ?? 0) - (one?.nanos ?? 0);
}
