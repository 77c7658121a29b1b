import { Code, ConnectError } from "@connectrpc/connect";
import { RequestInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { completeReason, errorDetail, reasonError } from "../../call/reason-error.ts";
import type { ServerCall } from "./server-call.ts";

/**
 * The error that the caller gets. A ConnectError is sent as it is. Any other error becomes INTERNAL with the request id, and its cause is
 * logged here, once.
 */
export function toCallerError(call: ServerCall, error: unknown): ConnectError {
  const answer = answerOf(call, error);
  completeReason(answer, call.runtime.reasonSource);
  return answer;
}

function answerOf(call: ServerCall, error: unknown): ConnectError {
  if (call.aborted !== undefined) {
    return call.aborted;
  }
  if (error instanceof ConnectError) {
    return error;
  }
  const { requestId } = call;
  call.runtime.log.error({ err: error, requestId, traceId: call.trace.traceId }, "internal error");
  return reasonError(Code.Internal, {
    reason: "INTERNAL",
    message: `Internal error. Report it with the request id ${requestId}.`,
    metadata: { requestId },
    details: [errorDetail(RequestInfoSchema, { requestId })],
    cause: error,
  });
}
