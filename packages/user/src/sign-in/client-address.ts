import { addressGroup, type CallContext, callContextKey, locallyForwarded } from "@parley/rpc";

/** The origin of a call, for slowing down password guessing. */
export interface ClientAddress {
  /** The IPv4 address, or the /64 network of the IPv6 address. */
  readonly group: string;
  /** Whether many callers share it: with AUTH=off, a gateway cannot prove whose call it forwards. */
  readonly shared: boolean;
  /** Whose turn it is to have a password checked: `group`, or with AUTH=off the address that a gateway on this machine forwards. */
  readonly turn: string;
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
  const group = addressGroup(peer);
  const forwardedFor = signInRequired ? null : requestHeader.get("x-forwarded-for");
  const turn = locallyForwarded(peer, forwardedFor ?? undefined) ?? group;
  return { group, shared: forwardedFor !== null, turn };
}
