import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";
import { addressGroup, type Clock, callContextKey, reasonError } from "@parley/rpc";
import type { CountCall, ServerCall } from "@parley/rpc/server";
import { requestHeader } from "../request-header.ts";
import { CallerRate } from "./caller-rate.ts";

export interface RateLimitOptions {
  readonly clock: Clock;
  /** The most that one caller may ask for in a minute. 0: no limit. */
  readonly requestsPerMinuteMax: number;
  /** Whether the `x-forwarded-for` of a proxy in front of the door says who calls. Only for a door that nothing else reaches. */
  readonly trustsProxy: boolean;
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
export function createRateLimit({ clock, requestsPerMinuteMax, trustsProxy }: RateLimitOptions): RateLimit {
  const rate = new CallerRate(clock, windowMs);

  function take(caller: string): ConnectError | undefined {
    if (requestsPerMinuteMax === 0) {
      return undefined;
    }
    const { current, remainingMs } = rate.count(addressGroup(caller));
    return current > requestsPerMinuteMax ? tooMany(requestsPerMinuteMax, remainingMs) : undefined;
  }

  function callerOf(address: string, forwardedFor: string | undefined): string {
    // The last entry is what the proxy itself saw; those before it are what it was told.
    const proxied = trustsProxy ? forwardedFor?.split(",").at(-1)?.trim() : undefined;
    return proxied === undefined || proxied === "" ? address : proxied.slice(0, addressLengthMax);
  }

  function addressOf(context: HandlerContext): string {
    const forwardedFor = trustsProxy ? requestHeader(context, "x-forwarded-for") : undefined;
    return callerOf(context.values.get(callContextKey)?.peer ?? "unknown", forwardedFor);
  }

  function callerOfCall({ caller, peer, incoming }: ServerCall): string {
    return caller === undefined ? callerOf(peer, incoming.header("x-forwarded-for")) : `${caller.kind}:${caller.id}`;
  }

  return {
    take,
    callerOf,
    addressOf,
    count(call) {
      // REST was counted at its own door.
      if (call.protocolName === restProtocol) {
        return;
      }
      const error = take(callerOfCall(call));
      if (error !== undefined) {
        throw error;
      }
    },
  };
}

const restProtocol = "rest";

/** The longest textual IPv6 address, with a zone. */
const addressLengthMax = 64;

function tooMany(requestsPerMinuteMax: number, remainingMs: number): ConnectError {
  return reasonError(Code.ResourceExhausted, {
    reason: "RATE_LIMITED",
    message: `more than ${requestsPerMinuteMax} requests in a minute`,
    metadata: { limit: String(requestsPerMinuteMax), window: "60s" },
    retryAfterMs: Math.ceil(remainingMs),
  });
}
