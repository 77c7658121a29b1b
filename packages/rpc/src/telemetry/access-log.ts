import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { createLineLog } from "../environment/log/line-log.ts";
import { statusNames } from "./call-metrics.ts";
import type { EndedCall } from "./ended-call.ts";

/** Writes the access log line of an ended call. */
export type LogCall = (
  call: EndedCall,
  ending: { readonly error?: ConnectError | undefined; readonly latencyMs: number },
) => void;

/** The access log of one method. */
export function createCallLog(log: Logger, method: DescMethod): LogCall {
  const labels = { service: method.parent.typeName, method: method.name };
  const lines = createLineLog(log, { message: "call", labels });
  return (call, { error, latencyMs }) => {
    if (lines.isEnabled()) {
      lines.write(fields(call, error, latencyMs));
    }
  };
}

/**
 * The fields that differ from call to call, as JSON members without braces. External values are escaped. Internal names and numbers need no
 * escaping.
 */
function fields(call: EndedCall, error: ConnectError | undefined, latencyMs: number): string {
  const { caller } = call;
  let line = `"protocol":"${call.protocolName}","code":"${statusNames[error?.code ?? 0]}","latencyMs":${Math.round(latencyMs * 1000) / 1000}`;
  line += `,"requestId":${JSON.stringify(call.requestId)},"traceId":"${call.trace.traceId}","peer":${JSON.stringify(call.peer)}`;
  if (caller !== undefined) {
    line += `,"caller":${JSON.stringify(`${caller.kind}:${caller.id}`)}`;
    if (caller.onBehalfOf !== undefined) {
      line += `,"onBehalfOf":${JSON.stringify(`${caller.onBehalfOf.kind}:${caller.onBehalfOf.id}`)}`;
    }
  }
  if (call.batched !== undefined) {
    line += `,"calls":${call.batched.length},"failedCalls":${call.batched.filter((one) => one.error !== undefined).length}`;
  }
  return error === undefined ? line : `${line},"error":${JSON.stringify(error.rawMessage)}`;
}
