import { type CallOptions, type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";

/** The context that a call passes to the calls that it makes. */
export interface CallContext {
  /** The received `x-request-id`, or a new one. */
  readonly requestId: string;
  /** The W3C trace context of this call's own span: `00-<trace id>-<span id>-<flags>`. */
  readonly traceparent: string;
  /** The received `tracestate`, if any. */
  readonly tracestate?: string;
  /** The received `baggage`, if any (W3C Baggage). */
  readonly baggage?: string;
  /** The span of one outgoing call, as its `traceparent`: sent unchanged; otherwise a new one is created. */
  readonly outgoingSpan?: string;
  /** The authenticated caller. */
  readonly caller?: Caller;
  /**
   * The origin of the call: the address that a gateway of the platform vouches for, or else the peer of the
   * connection, by the name on its certificate, or its address.
   */
  readonly peer?: string;
}

/** The caller of a call. */
export interface Caller {
  readonly kind: "user" | "admin" | "service";
  /** The user's id, or the service's name. */
  readonly id: string;
  /** The user for whom a service calls. */
  readonly onBehalfOf?: Caller;
  /** The bearer token; passed on so that the next service can verify it itself. */
  readonly token?: string;
  /** When that token expires, in milliseconds since the Unix epoch. */
  readonly expireTimeMs?: number;
}

/** The key of the {@link CallContext} among a call's context values. */
export const callContextKey: ContextKey<CallContext | undefined> = createContextKey<CallContext | undefined>(
  undefined,
  {
    description: "the call in flight",
  },
);

/**
 * Options for a call made on behalf of another: it is cancelled with the other, has only its remaining time,
 * and carries its request id, trace and caller.
 */
export function within(context: HandlerContext): CallOptions {
  const timeoutMs = context.timeoutMs();
  return {
    signal: context.signal,
    contextValues: context.values,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
