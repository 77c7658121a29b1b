import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { ContextValues, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import type { MetadataInit } from "./call-header.ts";

/** What a caller says of a call, unary or streaming. */
interface CallOptions {
  readonly signal: AbortSignal | undefined;
  /** How long the call may take, in milliseconds from now. Undefined for no limit; 0 and less mean that no time is left. */
  readonly timeoutMs: number | undefined;
  readonly header: MetadataInit | undefined;
  readonly contextValues: ContextValues | undefined;
}

/** A unary call on its way through the layers of a client. */
export interface OutgoingUnary extends CallOptions {
  readonly method: DescMethodUnary;
  readonly input: MessageInitShape<DescMessage>;
}

/** A streaming call on its way through the layers of a client. */
export interface OutgoingStream extends CallOptions {
  readonly method: DescMethodStreaming;
  readonly input: AsyncIterable<MessageInitShape<DescMessage>>;
}

/** One layer of a client. Each does its part and hands the call to the next; the innermost one sends it. */
export interface CallLayer {
  unary(call: OutgoingUnary): Promise<UnaryResponse>;
  stream(call: OutgoingStream): Promise<StreamResponse>;
}

/** The layers as Connect's own clients see them. */
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
  // The types of a method's messages are the caller's affair: no layer looks into them.
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
