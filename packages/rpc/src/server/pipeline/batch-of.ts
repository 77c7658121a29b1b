import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext } from "@connectrpc/connect";
import type { Status } from "@parley/gen/google/rpc/status_pb.js";
import type { CallOrigin } from "@parley/gen/rpc/v1/batch_pb.js";
import { callContextKey } from "../../call/call-context.ts";
import { isCurrentCallWanted, withinCall } from "../../call/current-call.ts";
import { requestIdOf } from "../../call/request-id.ts";
import { isTraceparent } from "../../call/trace.ts";
import { statusOfError } from "../../protocol/grpc-status.ts";
import type { BatchedCall } from "../../telemetry/ended-call.ts";
import { CallValues } from "./call-values.ts";
import { toCallerError } from "./error-mapping.ts";
import type { ServerCall } from "./server-call.ts";

/** Handles one request of a batch. */
type Handle<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
  context: HandlerContext,
) => Promise<MessageInitShape<M["output"]>> | MessageInitShape<M["output"]>;

/** The request of a method's batch method (`rpc.v1.batch_method`). */
interface Batch<M extends DescMethodUnary> {
  readonly requests: readonly MessageShape<M["input"]>[];
  readonly origins: readonly CallOrigin[];
}

/** The response of a batch method. */
interface BatchAnswer<M extends DescMethodUnary> {
  results: { result: { case: "response"; value: MessageInitShape<M["output"]> } | { case: "error"; value: Status } }[];
}

/**
 * The implementation of a method's batch method. All requests are handled concurrently, each as the method itself would handle it. If one fails,
 * the others do not. `prepare` gets all requests, for work that is better done once for all. It returns the handler of a request.
 * Handlers see the batch's call, with the request id and the trace of the request's origin.
 */
export function batchOf<M extends DescMethodUnary>(
  method: M,
  prepare: (requests: readonly MessageShape<M["input"]>[]) => Handle<M>,
): (batch: Batch<M>, context: HandlerContext) => Promise<BatchAnswer<M>> {
  return async ({ requests, origins }, context) => {
    const { self: call } = context as ServerCall;
    const handle = prepare(requests);
    const batched: BatchedCall[] = [];
    const results = await Promise.all(
      requests.map(async (request, index) => {
        const origin = origins[index];
        // Recorded, logged and propagated like headers, so an invalid value counts as missing.
        const parent = origin !== undefined && isTraceparent(origin.traceparent) ? origin.traceparent : "";
        const traceparent = parent === "" ? "" : call.spanWithin(parent);
        const requestId = requestIdOf(origin?.requestId, () => call.requestId);
        const startMs = call.nowMs();
        const end = (error?: ConnectError) =>
          batched.push({ method, parent, traceparent, requestId, startMs, latencyMs: call.nowMs() - startMs, error });
        try {
          const own = originContext(call, { requestId, traceparent });
          const scope = { context: own.values.get(callContextKey) ?? call.context };
          const value = await (call.isRecorded && isCurrentCallWanted()
            ? withinCall(scope, handle, request, own)
            : handle(request, own));
          end();
          return { result: { case: "response" as const, value } };
        } catch (reason) {
          const error = toCallerError(call, reason);
          end(error);
          return { result: { case: "error" as const, value: statusOfError(error) } };
        }
      }),
    );
    call.batched = batched;
    return { results };
  };
}

/** The context of one request of a batch: the batch's, with the request's own id and trace. */
function originContext(
  call: ServerCall,
  origin: { readonly requestId: string; readonly traceparent: string },
): HandlerContext {
  const { requestId } = origin;
  const context = { ...call.context, requestId, ...(origin.traceparent && { traceparent: origin.traceparent }) };
  const values = new CallValues({ context });
  return {
    service: call.service,
    method: call.method,
    requestMethod: call.requestMethod,
    protocolName: call.protocolName,
    url: call.url,
    values,
    timeoutMs: () => call.timeoutMs(),
    // Getters, since these are created on first use.
    get signal() {
      return call.signal;
    },
    get requestHeader() {
      return call.requestHeader;
    },
    get responseHeader() {
      return call.responseHeader;
    },
    get responseTrailer() {
      return call.responseTrailer;
    },
  };
}
