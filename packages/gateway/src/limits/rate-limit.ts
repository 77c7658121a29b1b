import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { SharedLimits } from "@parley/events/limits";
import { addressGroup, type Clock, callContextKey, reasonError } from "@parley/rpc";
import type { CountCall, TrustedProxies } from "@parley/rpc/server";
import { CallerRate } from "./caller-rate.ts";

export interface RateLimitOptions {
  readonly clock: Clock;
  /** The most requests of one caller per minute. 0: no limit. */
  readonly requestsPerMinuteMax: number;
  /** The proxies in front of the gateway, if there are any. */
  readonly proxies?: TrustedProxies | undefined;
  /** Counts with all replicas of the gateway. Default: this process counts alone. */
  readonly shared?: SharedLimits | undefined;
}

/** Limits the requests of each caller: the signed-in user, or else the address. */
export interface RateLimit {
  /** Counts an RPC call. Throws RESOURCE_EXHAUSTED, with the wait, above the limit. */
  readonly count: CountCall;
  /** Counts a request; returns the error above the limit. */
  take(caller: string): ConnectError | undefined;
  /** The caller, from the connection's address and the `x-forwarded-for` header. */
  callerOf(address: string, forwardedFor: string | undefined): string;
  /** The origin address of a call. */
  addressOf(context: HandlerContext): string;
}

const windowMs = 60_000;

/** Counts callers in windows of a minute. */
export function createRateLimit({ clock, requestsPerMinuteMax, proxies, shared }: RateLimitOptions): RateLimit {
  const rate = new CallerRate({ clock, windowMs, shared });

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
      // REST requests were counted before.
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
