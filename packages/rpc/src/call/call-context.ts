import { type CallOptions, type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";

/** What one call hands on to the calls that it makes. */
export interface CallContext {
  /** The `x-request-id` that came in, or a new one. */
  readonly requestId: string;
  /** The W3C trace context of this call's own span: `00-<trace id>-<span id>-<flags>`. */
  readonly traceparent: string;
  /** The `tracestate` that came in, if any. */
  readonly tracestate?: string;
  /** The `baggage` that came in, if any (W3C Baggage). */
  readonly baggage?: string;
  /** The span that was made for one outgoing call, as its `traceparent`: sent as it is, where a new one is made otherwise. */
  readonly outgoingSpan?: string;
  /** Who calls, once authenticated. */
  readonly caller?: Caller;
  /**
   * Where the call comes from: the address that a door of the platform proves to have heard it from, or else the other end of the
   * connection, by the name on a certificate that was shown, or the address.
   */
  readonly peer?: string;
}

/** Who makes a call. */
export interface Caller {
  readonly kind: "user" | "admin" | "service";
  /** The user's id, or the service's name. */
  readonly id: string;
  /** The user for whom a service calls. */
  readonly onBehalfOf?: Caller;
  /** The bearer token that said so; passed on so that the next service can see for itself. */
  readonly token?: string;
  /** When that token ends, in milliseconds since the Unix epoch. */
  readonly expireTimeMs?: number;
}

/** Where the runtime keeps the {@link CallContext} among a call's context values. */
export const callContextKey: ContextKey<CallContext | undefined> = createContextKey<CallContext | undefined>(
  undefined,
  {
    description: "the call in flight",
  },
);

/**
 * Options for a call made on behalf of another: it ends when the other is cancelled, has only the time that is left of it,
 * and carries its request id, trace and caller on.
 */
export function within(context: HandlerContext): CallOptions {
  const timeoutMs = context.timeoutMs();
  return {
    signal: context.signal,
    contextValues: context.values,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
