import type { HandlerContext, StreamRequest, UnaryRequest } from "@connectrpc/connect";

/** The context with the request's headers, values and signal, which interceptors may have replaced. */
export function withRequest(context: HandlerContext, request: UnaryRequest | StreamRequest): HandlerContext {
  return Object.create(context, {
    requestHeader: { value: request.header },
    signal: { value: request.signal },
    values: { value: request.contextValues },
    timeoutMs: { value: () => context.timeoutMs() },
  });
}
