import type { CallOptions, Interceptor } from "@connectrpc/connect";
import { createParleyClient } from "@parley/client";
import { renewedToken } from "./tokens.ts";

/** Where the gateway answers: where this page came from, with the path that a proxy may have put in front. */
export const baseUrl = new URL(".", location.href).href.replace(/\/$/, "");

/** Every service, by JSON, which can be read in the browser's developer tools. */
export const parley = createParleyClient({ baseUrl, token: renewedToken });

/** Shows who calls, on transports of services that the client does not have. */
export const withToken: Interceptor = (next) => async (request) => {
  const token = await renewedToken();
  if (token !== undefined) {
    request.header.set("authorization", `Bearer ${token}`);
  }
  return next(request);
};

/** A call whose trace is known beforehand, so that the page can show what it caused (W3C Trace Context). */
export interface TracedCall {
  readonly traceId: string;
  readonly options: CallOptions;
}

export function tracedCall(options: CallOptions = {}): TracedCall {
  const traceId = randomHex(16);
  return { traceId, options: { ...options, headers: { traceparent: `00-${traceId}-${randomHex(8)}-01` } } };
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

/** A UUID, also where the page came over cleartext HTTP from another machine, where browsers have no `crypto.randomUUID`. */
export function newId(): string {
  const hex = randomHex(16);
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20)].join("-");
}
