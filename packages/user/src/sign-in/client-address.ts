import { addressGroup, type CallContext, callContextKey } from "@parley/rpc";

/** The origin of a call, for slowing down password guessing. */
export interface ClientAddress {
  /** The IPv4 address, or the /64 network of the IPv6 address. */
  readonly group: string;
  /** Whether many callers share it: with AUTH=off, a gateway cannot prove whose call it forwards. */
  readonly shared: boolean;
}

/** The parts of a call that are read. */
interface CallHead {
  readonly values: { get(key: typeof callContextKey): CallContext | undefined };
  readonly requestHeader: Headers;
}

/**
 * The address of a call's origin: the one that a trusted gateway forwards, or else the peer's.
 *
 * @param signInRequired whether gateways authenticate their headers: then a header without a token is ignored.
 */
export function clientAddress({ values, requestHeader }: CallHead, signInRequired: boolean): ClientAddress {
  const peer = values.get(callContextKey)?.peer ?? "unknown";
  return { group: addressGroup(peer), shared: !signInRequired && requestHeader.has("x-forwarded-for") };
}
