import type { HandlerContext, StreamRequest, UnaryRequest } from "@connectrpc/connect";

/** The context as interceptors left it: they may have put other headers, values or another signal in the request. */
export function withRequest(context: HandlerContext, request: UnaryRequest | StreamRequest): HandlerContext {
  return Object.create(context, {
    requestHeader: { value: request.header },
    signal: { value: request.signal },
    values: { value: request.contextValues },
    timeoutMs: { value: () => context.timeoutMs() },
  });
}
