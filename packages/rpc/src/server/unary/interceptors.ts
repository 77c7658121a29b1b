import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import type { Interceptor, UnaryRequest, UnaryResponse } from "@connectrpc/connect";
import { withRequest } from "../wire/intercepted-context.ts";
import type { UnaryImplementation } from "./served-unary-method.ts";

interface Intercepted {
  readonly given: UnaryImplementation;
  /** Outermost first. */
  readonly interceptors: readonly Interceptor[];
}

/** Wraps an implementation in interceptors, with Connect's semantics. */
export function throughInterceptors(method: DescMethod, { given, interceptors }: Intercepted): UnaryImplementation {
  return async (message, context) => {
    const innermost = async (request: UnaryRequest | { readonly stream: true }): Promise<UnaryResponse> => {
      if (request.stream) {
        throw new TypeError(`an interceptor made a stream of the unary call of ${method.name}`);
      }
      const answer = await given(request.message, withRequest(context, request));
      return {
        stream: false,
        service: method.parent,
        method,
        header: context.responseHeader,
        trailer: context.responseTrailer,
        message: asMessage(method, answer),
      } as UnaryResponse;
    };
    let next = innermost as Parameters<Interceptor>[0];
    for (const interceptor of interceptors.toReversed()) {
      next = interceptor(next);
    }
    const response = await next({
      stream: false,
      service: method.parent,
      method,
      requestMethod: context.requestMethod,
      url: context.url,
      signal: context.signal,
      header: context.requestHeader,
      contextValues: context.values,
      message,
    } as UnaryRequest);
    replace(context.responseHeader, response.header);
    replace(context.responseTrailer, response.trailer);
    return response.message;
  };
}

function asMessage({ output }: DescMethod, answer: unknown): Message {
  const message = answer as Message | undefined;
  return message?.$typeName === output.typeName ? message : create(output, message);
}

/** Copies the response's metadata, if an interceptor returned other `Headers` objects. */
function replace(target: Headers, source: Headers): void {
  if (target === source) {
    return;
  }
  for (const name of [...target.keys()]) {
    target.delete(name);
  }
  for (const [name, value] of source) {
    target.append(name, value);
  }
}
