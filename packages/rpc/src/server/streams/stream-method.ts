import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor } from "@connectrpc/connect";
import type { MethodRuntime } from "../pipeline/method-runtime.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import { type CodecOptions, type MessageCodec, methodCodecs } from "../wire/message-codec.ts";
import { streamThroughInterceptors } from "./stream-interceptors.ts";

/** An implementation of a streaming method: of one message or of many, answering a promise of one or many. */
export type StreamImplementation = (
  input: Message | AsyncIterable<Message>,
  context: HandlerContext,
) => AsyncIterable<unknown> | Promise<unknown>;

/** All that a streaming method needs at hand when a call of it comes in. */
export interface StreamMethod {
  readonly desc: DescMethod;
  readonly runtime: MethodRuntime;
  readonly implementation: StreamImplementation;
  readonly proto: MessageCodec;
  readonly json: MessageCodec;
}

/** The streaming methods among those that are served, by path. */
export function streamMethods(
  served: ReadonlyMap<string, ServedMethod>,
  { interceptors, ...codecs }: { readonly interceptors: readonly Interceptor[] } & CodecOptions,
): ReadonlyMap<string, StreamMethod> {
  const methods = new Map<string, StreamMethod>();
  for (const [path, { runtime, implementation }] of served) {
    const desc = runtime.method;
    if (desc.methodKind === "unary") {
      continue;
    }
    const given = implementation as StreamImplementation;
    methods.set(path, {
      desc,
      runtime,
      implementation: interceptors.length === 0 ? given : streamThroughInterceptors(desc, { given, interceptors }),
      ...methodCodecs(desc, codecs),
    });
  }
  return methods;
}
