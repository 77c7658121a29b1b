import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { ContextValues, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import type { MetadataInit } from "./call-header.ts";

/** A caller's options of a call, unary or streaming. */
interface CallOptions {
  readonly signal: AbortSignal | undefined;
  /** The remaining time of the call, in milliseconds from now. Undefined for no limit; 0 and less mean that no time is left. */
  readonly timeoutMs: number | undefined;
  readonly header: MetadataInit | undefined;
  readonly contextValues: ContextValues | undefined;
}

/** A unary call in the layers of a client. */
export interface OutgoingUnary extends CallOptions {
  readonly method: DescMethodUnary;
  readonly input: MessageInitShape<DescMessage>;
}

/** A streaming call in the layers of a client. */
export interface OutgoingStream extends CallOptions {
  readonly method: DescMethodStreaming;
  readonly input: AsyncIterable<MessageInitShape<DescMessage>>;
}

/** One layer of a client. Each passes the call to the next; the innermost one sends it. */
export interface CallLayer {
  unary(call: OutgoingUnary): Promise<UnaryResponse>;
  stream(call: OutgoingStream): Promise<StreamResponse>;
}

/** The layers as a Connect transport. */
export function transportOf(layer: CallLayer): Transport {
  const transport = {
    unary: (
      method: DescMethodUnary,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: MetadataInit | undefined,
      input: MessageInitShape<DescMessage>,
      contextValues?: ContextValues,
    ) => layer.unary({ method, signal, timeoutMs, header, contextValues, input }),
    stream: (
      method: DescMethodStreaming,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: MetadataInit | undefined,
      input: AsyncIterable<MessageInitShape<DescMessage>>,
      contextValues?: ContextValues,
    ) => layer.stream({ method, signal, timeoutMs, header, contextValues, input }),
  };
  // Layers do not depend on the types of a method's messages.
  return transport as unknown as Transport;
}

/** Any Connect transport as the innermost layer. */
export function layerOf(transport: Transport): CallLayer {
  return {
    unary: ({ method, signal, timeoutMs, header, input, contextValues }) =>
      transport.unary(method, signal, timeoutMs, header, input, contextValues),
    stream: ({ method, signal, timeoutMs, header, input, contextValues }) =>
      transport.stream(method, signal, timeoutMs, header, input, contextValues),
  };
}
