import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  type ContextValues,
  createContextValues,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { MetadataInit } from "./call-header.ts";

/**
 * Runs interceptors around a transport, once for a call whatever the number of its attempts; the first is the outermost. A transport
 * with interceptors pays for what they are given: Web headers, a signal, context values.
 */
export function interceptedTransport(
  next: Transport,
  { interceptors, baseUrl }: { readonly interceptors: readonly Interceptor[]; readonly baseUrl: string },
): Transport {
  const timeouts = new WeakMap<object, number>();
  const run = interceptors.reduceRight<ReturnType<Interceptor>>(
    (inner, interceptor) => interceptor(inner),
    (request) => {
      const { signal, header, contextValues } = request;
      const timeoutMs = timeouts.get(contextValues);
      return request.stream
        ? next.stream(request.method, signal, timeoutMs, header, request.message, contextValues)
        : next.unary(request.method, signal, timeoutMs, header, request.message, contextValues);
    },
  );

  function common(
    method: DescMethodUnary | DescMethodStreaming,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    contextValues: ContextValues = createContextValues(),
  ) {
    // An interceptor may pass on a request that it made itself; what it keeps of the old one are the context values.
    if (timeoutMs !== undefined) {
      timeouts.set(contextValues, timeoutMs);
    }
    return {
      service: method.parent,
      requestMethod: "POST",
      url: `${baseUrl}/${method.parent.typeName}/${method.name}`,
      signal: signal ?? neverAborted,
      header: new Headers(header),
      contextValues,
    };
  }

  return {
    unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: MetadataInit | undefined,
      input: MessageInitShape<I>,
      contextValues?: ContextValues,
    ) {
      const message = create(method.input, input);
      const request = { ...common(method, signal, timeoutMs, header, contextValues), stream: false, method, message };
      return run(request as unknown as UnaryRequest) as Promise<UnaryResponse<I, O>>;
    },
    stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: MetadataInit | undefined,
      input: AsyncIterable<MessageInitShape<I>>,
      contextValues?: ContextValues,
    ) {
      const message = created(method.input, input);
      const request = { ...common(method, signal, timeoutMs, header, contextValues), stream: true, method, message };
      return run(request as unknown as StreamRequest) as Promise<StreamResponse<I, O>>;
    },
  };
}

const neverAborted = new AbortController().signal;

async function* created<I extends DescMessage>(
  schema: I,
  messages: AsyncIterable<MessageInitShape<I>>,
): AsyncGenerator<MessageShape<I>> {
  for await (const message of messages) {
    yield create(schema, message);
  }
}
