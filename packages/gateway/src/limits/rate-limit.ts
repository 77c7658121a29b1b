import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";
import { addressGroup, type Clock, callContextKey, reasonError } from "@parley/rpc";
import type { CountCall, TrustedProxies } from "@parley/rpc/server";
import { CallerRate } from "./caller-rate.ts";

export interface RateLimitOptions {
  readonly clock: Clock;
  /** The most that one caller may ask for in a minute. 0: no limit. */
  readonly requestsPerMinuteMax: number;
  /** The proxies in front of the gateway, if there are any. */
  readonly proxies?: TrustedProxies | undefined;
}

/** How much one caller may ask for. A caller is a signed-in user where the door knows one, or else an address. */
export interface RateLimit {
  /** Counts a call that came by RPC. Throws RESOURCE_EXHAUSTED, with the wait, where it is one too many. */
  readonly count: CountCall;
  /** Counts a request; the error where it is one too many. */
  take(caller: string): ConnectError | undefined;
  /** Who calls, from the connection's address and the `x-forwarded-for` header. */
  callerOf(address: string, forwardedFor: string | undefined): string;
  /** The address that a call came from. */
  addressOf(context: HandlerContext): string;
}

const windowMs = 60_000;

/** Counts callers in windows of a minute. */
export function createRateLimit({ clock, requestsPerMinuteMax, proxies }: RateLimitOptions): RateLimit {
  const rate = new CallerRate(clock, windowMs);

  function take(caller: string): ConnectError | undefined {
    if (requestsPerMinuteMax === 0) {
      return undefined;
    }
    const { current, remainingMs } = rate.count(addressGroup(caller));
    return current > requestsPerMinuteMax ? tooMany(requestsPerMinuteMax, remainingMs) : undefined;
  }

  const callerOf = (address: string, forwardedFor: string | undefined) =>
    proxies?.clientOf(address, forwardedFor) ?? address;

  return {
    take,
    callerOf,
    addressOf: ({ values }) => values.get(callContextKey)?.peer ?? "unknown",
    count(call) {
      // REST was counted at its own door.
      if (call.protocolName === restProtocol) {
        return;
      }
      const { caller, peer } = call;
      const error = take(caller === undefined ? peer : `${caller.kind}:${caller.id}`);
      if (error !== undefined) {
        throw error;
      }
    },
  };
}

const restProtocol = "rest";

function tooMany(requestsPerMinuteMax: number, remainingMs: number): ConnectError {
  return reasonError(Code.ResourceExhausted, {
    reason: "RATE_LIMITED",
    message: `More than ${requestsPerMinuteMax} requests in a minute (RATE_LIMIT_PER_MINUTE). Try again in ${Math.ceil(remainingMs / 1000)} s.`,
    metadata: { limit: String(requestsPerMinuteMax), window: "60s" },
    retryAfterMs: Math.ceil(remainingMs),
  });
}
