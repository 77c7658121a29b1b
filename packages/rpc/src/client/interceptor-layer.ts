import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import {
  createContextValues,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "./call/call-layer.ts";

/**
 * Runs interceptors around the layers below, once for a call whatever the number of its attempts; the first is the outermost. A client
 * with interceptors pays for their inputs: Web headers, a signal, context values.
 */
export function interceptedLayer(
  next: CallLayer,
  { interceptors, baseUrl }: { readonly interceptors: readonly Interceptor[]; readonly baseUrl: string },
): CallLayer {
  const timeouts = new WeakMap<object, number>();
  const run = interceptors.reduceRight<ReturnType<Interceptor>>(
    (inner, interceptor) => interceptor(inner),
    ({ stream, method, signal, header, message, contextValues }) => {
      const call = { method, signal, timeoutMs: timeouts.get(contextValues), header, contextValues, input: message };
      return stream ? next.stream(call as OutgoingStream) : next.unary(call as OutgoingUnary);
    },
  );

  function common({
    method,
    signal,
    timeoutMs,
    header,
    contextValues = createContextValues(),
  }: OutgoingUnary | OutgoingStream) {
    // An interceptor may pass on a request of its own; only the context values of the old one are kept.
    if (timeoutMs !== undefined) {
      timeouts.set(contextValues, timeoutMs);
    }
    return {
      method,
      service: method.parent,
      requestMethod: "POST",
      url: `${baseUrl}/${method.parent.typeName}/${method.name}`,
      signal: signal ?? neverAborted,
      header: new Headers(header),
      contextValues,
    };
  }

  return {
    unary(call) {
      const message = create(call.method.input, call.input);
      const request = { ...common(call), stream: false, message };
      return run(request as unknown as UnaryRequest) as Promise<UnaryResponse>;
    },
    stream(call) {
      const message = created(call.method.input, call.input);
      const request = { ...common(call), stream: true, message };
      return run(request as unknown as StreamRequest) as Promise<StreamResponse>;
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
