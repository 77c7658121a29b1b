import type { CallOptions, Interceptor } from "@connectrpc/connect";
import { createParleyClient } from "@parley/client";
import { renewedToken } from "./tokens.ts";

/** The gateway's URL: the page's origin, with the path prefix of a proxy if there is one. */
export const baseUrl = new URL(".", location.href).href.replace(/\/$/, "");

/** Clients of all services, with JSON, which the browser's developer tools can show. */
export const parley = createParleyClient({ baseUrl, token: renewedToken });

/** Adds the token, for transports of services that are not in {@link parley}. */
export const withToken: Interceptor = (next) => async (request) => {
  const token = await renewedToken();
  if (token !== undefined) {
    request.header.set("authorization", `Bearer ${token}`);
  }
  return next(request);
};

/** A call with a trace id chosen in advance, so that the page can show its trace (W3C Trace Context). */
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

/** A UUID. Also works on a page loaded over cleartext HTTP from another machine, where browsers have no `crypto.randomUUID`. */
export function newId(): string {
  const hex = randomHex(16);
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20)].join("-");
}
