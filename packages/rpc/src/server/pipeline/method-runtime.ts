import type { DescMethod } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { type ReasonSource, reasonOf } from "../../call/reason-error.ts";
import type { LogCall } from "../../telemetry/access-log.ts";
import type { MethodMetrics } from "../../telemetry/call-metrics.ts";
import type { EndedCall } from "../../telemetry/ended-call.ts";
import { type EndedCallOptions, recordServerCall } from "../../telemetry/recorder/server-span.ts";
import type { PlaceKind } from "../admission/admitted-call.ts";
import type { MethodPace } from "../admission/method-pace.ts";

/** The pipeline's data of a method, created once when the server is built. */
export interface MethodRuntime {
  readonly method: DescMethod;
  /** The longest that a call may take, in milliseconds: the contract's, or the server's default. Infinity for streams without a limit. */
  readonly timeoutMs: number;
  /** Whether its calls skip access control: health and reflection. */
  readonly exempt: boolean;
  /** Whether its calls are neither logged nor recorded: diagnostics, including telemetry. */
  readonly quiet: boolean;
  /** The concurrency budget that its calls count against. Undefined for none: health checks are answered under any load. */
  readonly placeKind: PlaceKind | undefined;
  /** The domain of the reasons in its errors, and the page that describes them. */
  readonly reasonSource: ReasonSource;
  /** Its recent latency, for shedding calls that cannot meet their deadline. */
  readonly pace: MethodPace;
  readonly metrics: MethodMetrics;
  /** A logger with the service's and the method's name. */
  readonly log: Logger;
  readonly logCall: LogCall;
}

/** Exceptions for a method. */
export type MethodOptions = Partial<Pick<MethodRuntime, "exempt" | "quiet">>;

/** The concurrency budget that the calls of a method count against. Undefined for none. */
export function placeKindOf(
  { methodKind }: DescMethod,
  { exempt, quiet }: Pick<MethodRuntime, "exempt" | "quiet">,
): PlaceKind | undefined {
  if (methodKind === "unary") {
    return exempt ? undefined : "unary";
  }
  return quiet ? "diagnostics" : "streams";
}

/** A call that has ended, with the runtime data of its method. */
interface EndingCall extends EndedCall {
  readonly runtime: MethodRuntime;
}

/** Logs, records and counts how a call ended. */
export function recordEnd(call: EndingCall, ending: EndedCallOptions): void {
  const { runtime } = call;
  const { error, latencyMs } = ending;
  if (!runtime.quiet) {
    runtime.logCall(call, ending);
    recordServerCall(call, ending);
  }
  const reason = error === undefined ? undefined : reasonOf(error)?.reason;
  if (reason !== undefined) {
    runtime.metrics.refused(reason);
  }
  // After the log, which may create the trace: its id becomes the exemplar of the latency histogram.
  runtime.metrics.ended(error?.code, latencyMs / 1000, call.createdTrace?.traceparent);
}
