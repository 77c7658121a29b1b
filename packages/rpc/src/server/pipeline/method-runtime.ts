import type { DescMethod } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { type ReasonSource, reasonOf } from "../../call/reason-error.ts";
import type { SpanRecorder } from "../../environment/spans/span-recorder.ts";
import type { LogCall } from "../../telemetry/access-log.ts";
import type { MethodMetrics } from "../../telemetry/call-metrics.ts";
import type { EndedCall } from "../../telemetry/ended-call.ts";
import { type EndedCallOptions, recordServerCall } from "../../telemetry/recorder/server-span.ts";
import type { PlaceKind } from "../admission/admitted-call.ts";
import type { MethodPace } from "../admission/method-pace.ts";

/** What the pipeline keeps of a method, looked up once when the server is built. */
export interface MethodRuntime {
  readonly method: DescMethod;
  /** The longest a call may take, in milliseconds: the contract's, or the server's default. Infinity for streams left open. */
  readonly timeoutMs: number;
  /** Whether it asks for no permission: health and reflection. */
  readonly exempt: boolean;
  /** Whether its calls are neither logged nor recorded: those of diagnostics, telemetry included. */
  readonly quiet: boolean;
  /** Which of the server's places its calls take. Undefined for none: a health check is answered whatever the load. */
  readonly placeKind: PlaceKind | undefined;
  /** Whose the reasons in its errors are, and where they are described. */
  readonly reasonSource: ReasonSource;
  /** How fast it is at the moment. */
  readonly pace: MethodPace;
  readonly metrics: MethodMetrics;
  /** A log that carries the method's name. */
  readonly log: Logger;
  readonly logCall: LogCall;
}

/** What is special about a method. */
export type MethodOptions = Partial<Pick<MethodRuntime, "exempt" | "quiet">>;

/** Which places the calls of a method take. */
export function placeKindOf(
  { methodKind }: DescMethod,
  { exempt, quiet }: Pick<MethodRuntime, "exempt" | "quiet">,
): PlaceKind | undefined {
  if (methodKind === "unary") {
    return exempt ? undefined : "unary";
  }
  return quiet ? "diagnostics" : "streams";
}

/** A call that has ended, with what is kept of its method. */
interface EndingCall extends EndedCall {
  readonly runtime: MethodRuntime;
}

/** Logs, records and counts how a call ended. */
export function tellEnd(
  call: EndingCall,
  { recorder, ...ending }: EndedCallOptions & { readonly recorder: SpanRecorder | undefined },
): void {
  const { runtime } = call;
  const { error, latencyMs } = ending;
  if (!runtime.quiet) {
    runtime.logCall(call, ending);
    recordServerCall(recorder, call, ending);
  }
  const reason = error === undefined ? undefined : reasonOf(error)?.reason;
  if (reason !== undefined) {
    runtime.metrics.refused(reason);
  }
  // After the log, which asks for the trace: it is an exemplar of how long the call took.
  runtime.metrics.ended(error?.code, latencyMs / 1000, call.traceIfMade?.traceparent);
}
