import { setTimeout as wait } from "node:timers/promises";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Call } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { OpenTelemetryView } from "./open-telemetry.ts";

export interface AskedTrace {
  /** By their start. */
  readonly calls: readonly Call[];
  readonly truncated: boolean;
  /** The processes that could not be asked, and why. */
  readonly silent: readonly string[];
}

export interface AskTraceOptions {
  readonly payloads: boolean;
  /** How long to ask again for what is not there yet, in milliseconds: what follows from a call goes on after its answer. */
  readonly waitMaxMs: number;
  /** Whether everything that must come has come. Default: whether anything has. */
  readonly isWhole?: (calls: readonly Call[]) => boolean;
}

/** Between two questions. */
const pauseMs = 100;
/** A trace that has not grown for so long is taken to be whole. */
const quietMs = 300;

/** Every span that is kept of a trace, asked for until it is whole and has stopped growing. */
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
  return startTime === undefined ? 0 : timestampMs(startTime) + (startTime.nanos % 1_000_000) / 1e6;
}
