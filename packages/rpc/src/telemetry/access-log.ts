import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { createLineLog } from "../environment/log/line-log.ts";
import { statusNames } from "./call-metrics.ts";
import type { EndedCall } from "./ended-call.ts";

/** Writes the line of a call that has ended. */
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

/** What differs from call to call, as the inside of a JSON object. What comes from outside is quoted; names and digits of ours need not be. */
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
