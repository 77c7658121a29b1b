import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { lineWriterOf } from "../environment/log.ts";
import { statusNames } from "./call-metrics.ts";
import type { ServerCall } from "./server-call.ts";

/** Writes the line of a call that has ended. */
export type LogCall = (
  call: ServerCall,
  ending: { readonly error?: ConnectError | undefined; readonly latencyMs: number },
) => void;

/**
 * The access log of one method. Its lines are put together here, with what is the same in all of them made once: pino's own way
 * through an object for each line costs three times as much.
 */
export function createCallLog(log: Logger, method: DescMethod): LogCall {
  const labels = { service: method.parent.typeName, method: method.name };
  const child = log.child(labels);
  const writer = lineWriterOf(log);
  if (writer === undefined) {
    return (call, { error, latencyMs }) => {
      if (child.isLevelEnabled("info")) {
        child.info(JSON.parse(`{${fields(call, error, latencyMs)}}`), "call");
      }
    };
  }
  const { name } = writer;
  const head = `,${JSON.stringify({ name, ...labels }).slice(1, -1)},`;
  return (call, { error, latencyMs }) => {
    if (child.isLevelEnabled("info")) {
      writer.write(`{"level":"info","time":${Date.now()}${head}${fields(call, error, latencyMs)},"msg":"call"}\n`);
    }
  };
}

/** What differs from call to call, as the inside of a JSON object. What comes from outside is quoted; names and digits of ours need not be. */
function fields(call: ServerCall, error: ConnectError | undefined, latencyMs: number): string {
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
