import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, StreamRequest, StreamResponse } from "@connectrpc/connect";
import { withRequest } from "../wire/intercepted-context.ts";

/** An implementation of a streaming method. Its input is one message or a stream, and so is its result. */
export type StreamImplementation = (
  input: Message | AsyncIterable<Message>,
  context: HandlerContext,
) => AsyncIterable<unknown> | Promise<unknown>;

interface Intercepted {
  readonly given: StreamImplementation;
  /** Outermost first. */
  readonly interceptors: readonly Interceptor[];
}

/** Wraps the implementation of a streaming method in interceptors, with Connect's semantics. */
export function streamThroughInterceptors(
  method: DescMethod,
  { given, interceptors }: Intercepted,
): StreamImplementation {
  const run = async (input: Message | AsyncIterable<Message>, context: HandlerContext) => {
    const single = method.methodKind === "server_streaming";
    const innermost = async (request: StreamRequest): Promise<StreamResponse> => {
      const inner = withRequest(context, request);
      const answer = given(single ? await first(request.message) : request.message, inner);
      return {
        stream: true,
        service: method.parent,
        method,
        header: context.responseHeader,
        trailer: context.responseTrailer,
        message: method.methodKind === "client_streaming" ? only(answer as Promise<Message>) : answer,
      } as StreamResponse;
    };
    let next = innermost as Parameters<Interceptor>[0];
    for (const interceptor of interceptors.toReversed()) {
      next = interceptor(next);
    }
    const response = (await next({
      stream: true,
      service: method.parent,
      method,
      requestMethod: context.requestMethod,
      url: context.url,
      signal: context.signal,
      header: context.requestHeader,
      contextValues: context.values,
      message: single ? only(input as Message) : (input as AsyncIterable<Message>),
    } as StreamRequest)) as StreamResponse;
    return response.message as AsyncIterable<Message>;
  };
  return method.methodKind === "client_streaming"
    ? async (input, context) => first(await run(input, context))
    : async function* stream(input, context) {
        yield* await run(input, context);
      };
}

async function first(messages: AsyncIterable<Message>): Promise<Message> {
  for await (const message of messages) {
    return message;
  }
  throw new TypeError("an interceptor returned no message for a call that needs one");
}

async function* only(message: Message | Promise<Message>): AsyncGenerator<Message> {
  yield await message;
}
