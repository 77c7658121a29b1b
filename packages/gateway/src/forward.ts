import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { CallOptions, Client, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { byCertificate, type Environment, forwardedByHeader, within } from "@parley/rpc";
import type { ServiceEntry } from "@parley/rpc/server";
import { publicError } from "./public-error.ts";
import { requestHeader } from "./request-header.ts";

export interface ForwardOptions {
  /** The client for a unary call. */
  readonly client: (context: HandlerContext) => Client<DescService>;
  /** Selects the methods that are offered. */
  readonly offers: (method: DescMethod) => boolean;
  /** The client for the next stream. Streams have their own connections. */
  readonly streamClient: () => Client<DescService>;
  /** The origin address of a call; the service gets it, to slow down password guessing. */
  readonly addressOf: (context: HandlerContext) => string;
  /** Vouches to the service for the origin address. Without it the service ignores the address. */
  readonly identity?: Environment["identity"];
}

/**
 * A service that forwards its calls to the client's service, over whatever protocol they came: with the remaining time, request
 * id, trace and caller. Methods that are not offered answer UNIMPLEMENTED.
 */
export function forward(service: DescService, options: ForwardOptions): ServiceEntry {
  const methods = service.methods.filter(options.offers);
  const implementation = Object.fromEntries(
    methods.map((method) => [method.localName, forwardMethod(method, options)]),
  );
  return { service, implementation: implementation as unknown as Partial<ServiceImpl<DescService>> };
}

type Input = Message | AsyncIterable<Message>;

function forwardMethod(method: DescMethod, options: ForwardOptions) {
  const { localName, methodKind } = method;
  const call = (input: Input, context: HandlerContext) => {
    const by = methodKind === "unary" ? options.client(context) : options.streamClient();
    return (by[localName] as unknown as (input: Input, options: CallOptions) => unknown)(
      input,
      forwardedOptions(context, options),
    );
  };
  if (methodKind === "unary" || methodKind === "client_streaming") {
    return async (input: Input, context: HandlerContext) => {
      try {
        return await (call(input, context) as Promise<Message>);
      } catch (error) {
        throw publicError(error, context);
      }
    };
  }
  return async function* stream(input: Input, context: HandlerContext) {
    try {
      yield* call(input, context) as AsyncIterable<Message>;
    } catch (error) {
      throw publicError(error, context);
    }
  };
}

function forwardedOptions(context: HandlerContext, { addressOf, identity }: ForwardOptions): CallOptions {
  const contract = context.service.typeName;
  const headers: [string, string][] = [];
  const token = requestHeader(context, "authorization");
  if (token !== undefined) {
    headers.push(["authorization", token]);
  }
  headers.push(["x-forwarded-for", addressOf(context)]);
  if (identity !== undefined) {
    const proof = identity.forwarderToken(contract);
    headers.push([forwardedByHeader, proof === undefined ? byCertificate : `Bearer ${proof}`]);
  }
  return { ...within(context), headers };
}
