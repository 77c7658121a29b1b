import type { ConnectError } from "@connectrpc/connect";
import { statusNames } from "./call-metrics.ts";
import type { ServerCall } from "./server-call.ts";

/** Writes the line of a call that has ended. */
export function logCall(call: ServerCall, error: ConnectError | undefined, latencyMs: number): void {
  const { log } = call.runtime;
  if (!log.isLevelEnabled("info")) {
    return;
  }
  const line: Record<string, unknown> = {
    protocol: call.protocolName,
    code: statusNames[error?.code ?? 0],
    latencyMs: Math.round(latencyMs * 1000) / 1000,
    requestId: call.requestId,
    traceId: call.trace.traceId,
    peer: call.peer,
  };
  if (call.caller !== undefined) {
    line.caller = `${call.caller.kind}:${call.caller.id}`;
    if (call.caller.onBehalfOf !== undefined) {
      line.onBehalfOf = `${call.caller.onBehalfOf.kind}:${call.caller.onBehalfOf.id}`;
    }
  }
  if (error !== undefined) {
    line.error = error.rawMessage;
  }
  log.info(line, "call");
}
