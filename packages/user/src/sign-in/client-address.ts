import { addressGroup, type CallContext, callContextKey } from "@parley/rpc";

/** Where a call comes from, for slowing down password guessing. */
export interface ClientAddress {
  /** The IPv4 address, or the /64 network of the IPv6 address. */
  readonly group: string;
  /** Whether many callers share it: where AUTH=off, a gateway cannot prove whose call it forwards. */
  readonly shared: boolean;
}

/** What is read of a call. */
interface CallHead {
  readonly values: { get(key: typeof callContextKey): CallContext | undefined };
  readonly requestHeader: Headers;
}

/**
 * The address that a call comes from: the one that a gateway proves, or else the other end of the connection.
 *
 * @param signInRequired whether gateways prove what they forward: then a header without a proof counts for nothing.
 */
export function clientAddress({ values, requestHeader }: CallHead, signInRequired: boolean): ClientAddress {
  const peer = values.get(callContextKey)?.peer ?? "unknown";
  return { group: addressGroup(peer), shared: !signInRequired && requestHeader.has("x-forwarded-for") };
}
