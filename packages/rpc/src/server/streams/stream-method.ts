import type { DescMethod } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { MethodRuntime } from "../pipeline/method-runtime.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import { type CodecOptions, type MessageCodec, methodCodecs } from "../wire/message-codec.ts";
import { type StreamImplementation, streamThroughInterceptors } from "./stream-interceptors.ts";

/** A streaming method, prepared for its calls. */
export interface StreamMethod {
  readonly desc: DescMethod;
  readonly runtime: MethodRuntime;
  readonly implementation: StreamImplementation;
  readonly proto: MessageCodec;
  readonly json: MessageCodec;
}

/** The streaming methods among the served methods, by path. */
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
      ...methodCodecs(desc, { ...codecs, log: runtime.log }),
    });
  }
  return methods;
}
