import { setTimeout as wait } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Call } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { OpenTelemetryView } from "./open-telemetry.ts";

export interface AskedTrace {
  /** By their start. */
  readonly calls: readonly Call[];
  readonly truncated: boolean;
  /** The processes that could not be queried, with the cause. */
  readonly silent: readonly string[];
}

export interface AskTraceOptions {
  readonly payloads: boolean;
  /** How long to repeat the query for missing spans, in milliseconds: the effects of a call continue after its response. */
  readonly waitMaxMs: number;
  /** Whether all expected spans are present. Default: whether any span is. */
  readonly isWhole?: (calls: readonly Call[]) => boolean;
}

/** The pause between two queries, in milliseconds. */
const pauseMs = 100;
/** A trace without new spans for this time counts as complete, in milliseconds. */
const quietMs = 300;

/** Reads every recorded span of a trace. Repeats the query until the trace is complete. */
export async function askTrace(
  traceId: string,
  { view, payloads, waitMaxMs, isWhole = isBegun }: AskTraceOptions & { readonly view: OpenTelemetryView },
): Promise<AskedTrace> {
  const endMs = performance.now() + waitMaxMs;
  let trace = await askOnce(traceId, view, payloads);
  let grownMs = performance.now();
  const hasAll = () => isWhole(trace.calls) && performance.now() - grownMs >= quietMs;
  while (performance.now() < endMs && !hasAll()) {
    await wait(pauseMs);
    const next = await askOnce(traceId, view, payloads);
    if (next.calls.length > trace.calls.length) {
      grownMs = performance.now();
    }
    trace = next;
  }
  return trace;
}

function isBegun(calls: readonly Call[]): boolean {
  return calls.length > 0;
}

async function askOnce(
  traceId: string,
  { places, options }: OpenTelemetryView,
  payloads: boolean,
): Promise<AskedTrace> {
  const answers = await Promise.all(
    places.map(async ({ name, client }) => {
      try {
        const { calls, truncated, silent } = await client.getTrace({ traceId, payloads }, options);
        return { calls, truncated, silent: silent.map(({ process, cause }) => `${process}: ${cause}`) };
      } catch (error) {
        const failure = ConnectError.from(error);
        if (places.length === 1 || failure.code !== Code.Unavailable) {
          throw failure;
        }
        return { calls: [], truncated: false, silent: [`${name}: ${failure.message}`] };
      }
    }),
  );
  return {
    calls: answers.flatMap(({ calls }) => calls).sort(byStart),
    truncated: answers.some(({ truncated }) => truncated),
    silent: answers.flatMap(({ silent }) => silent),
  };
}

function byStart(one: Call, other: Call): number {
  return startMs(one) - startMs(other) || other.kind - one.kind;
}

/** When a span began, in milliseconds since the Unix epoch, with a fraction. */
export function startMs({ startTime }: Call): number {
  return startTime === undefined ? 0 : Number(startTime.seconds) * 1_000 + startTime.nanos / 1e6;
}
