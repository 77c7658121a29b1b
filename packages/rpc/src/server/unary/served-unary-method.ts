import type { DescMethod, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { MethodRuntime } from "../pipeline/method-runtime.ts";
import { type CodecOptions, type MessageCodec, methodCodecs } from "../wire/message-codec.ts";

/** An implementation of a unary method. */
export type UnaryImplementation = (request: Message, context: HandlerContext) => unknown;

/** A unary method, prepared for its calls. */
export interface UnaryMethod {
  readonly desc: DescMethodUnary;
  readonly runtime: MethodRuntime;
  readonly implementation: UnaryImplementation;
  /** Whether it may be called with GET: its idempotency level is NO_SIDE_EFFECTS. */
  readonly sideEffectFree: boolean;
  readonly proto: MessageCodec;
  readonly json: MessageCodec;
}

/** Prepares a unary method. Undefined for streaming methods. */
export function unaryMethod(
  runtime: MethodRuntime,
  { implementation, ...options }: { readonly implementation: UnaryImplementation } & CodecOptions,
): UnaryMethod | undefined {
  const desc = runtime.method;
  if (!isUnary(desc)) {
    return undefined;
  }
  return {
    desc,
    runtime,
    implementation,
    sideEffectFree: desc.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
    ...methodCodecs(desc, { ...options, log: runtime.log }),
  };
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}
