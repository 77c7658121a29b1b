import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CallPipeline } from "./call-pipeline.ts";
import type { MethodOptions, MethodRuntime } from "./method-runtime.ts";
import type { ServerCall } from "./server-call.ts";
import type { ServiceEntry } from "./service-module.ts";

/** A served method: its runtime data in the pipeline, and its implementation. */
export interface ServedMethod {
  readonly runtime: MethodRuntime;
  /** The implementation as it was given, without the pipeline. Throws UNIMPLEMENTED if there is none. */
  readonly implementation: AnyImplementation;
}

/** An implementation of any kind of method. The method's `methodKind` tells its signature. */
// biome-ignore lint/complexity/noBannedTypes: TypeScript has no type for "one of four signatures, distinguished by a descriptor".
export type AnyImplementation = Function;

/** The methods of all contracts by path, for example `/order.v1.OrderService/GetOrder`. */
export function serveMethods(
  pipeline: CallPipeline,
  { entries, ...options }: MethodOptions & { readonly entries: readonly ServiceEntry[] },
): Map<string, ServedMethod> {
  const served = new Map<string, ServedMethod>();
  for (const { service, implementation } of entries) {
    for (const method of service.methods) {
      const given: unknown = implementation[method.localName];
      served.set(methodPath(method), {
        runtime: pipeline.method(method, options),
        implementation:
          typeof given === "function" ? pipeline.scoped(method, given.bind(implementation)) : unimplemented(method),
      });
    }
  }
  return served;
}

/** The HTTP path of a method: `/package.Service/Method`. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** The method as Connect calls it, run through the pipeline. `callOf` finds the call that a context belongs to. */
export function throughPipeline<C>(
  pipeline: CallPipeline,
  { served, callOf }: { readonly served: ServedMethod; callOf(context: C): ServerCall },
): MethodImpl<DescMethod> {
  const handle = served.implementation as never;
  switch (served.runtime.method.methodKind) {
    case "unary":
      return ((request: Message, context: C) => pipeline.unary(callOf(context), { request, handle })) as never;
    case "server_streaming":
      return ((request: Message, context: C) => pipeline.serverStream(callOf(context), { request, handle })) as never;
    case "client_streaming":
      return ((requests: AsyncIterable<Message>, context: C) =>
        pipeline.clientStream(callOf(context), { requests, handle })) as never;
    case "bidi_streaming":
      return ((requests: AsyncIterable<Message>, context: C) =>
        pipeline.bidiStream(callOf(context), { requests, handle })) as never;
  }
}

function unimplemented(method: DescMethod): AnyImplementation {
  const message = `${method.parent.typeName}/${method.name} is not implemented by this server.`;
  return () => {
    throw new ConnectError(message, Code.Unimplemented);
  };
}
