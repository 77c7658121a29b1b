import type { ContextValues } from "@connectrpc/connect";
import type { BodySource } from "./request/body.ts";

/** An HTTP request, independent of server and runtime. */
export interface RestRequest {
  /** In upper case, as on the wire. */
  readonly method: string;
  /** The request target of the request line (RFC 9112, section 3.2), still encoded: path and query, or an absolute URL. */
  readonly url: string;
  /** The scheme and authority that the client uses, for example `http://localhost:8080`, for absolute URLs in errors. */
  readonly origin?: string | undefined;
  /** Keyed by lower-case name. Node's `IncomingHttpHeaders` fits. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: BodySource;
  /** Whether there is a body. It is read after the caller was admitted. Default: as the headers say, as in HTTP/1.1 (RFC 9112, section 6.3). */
  readonly hasBody?: boolean | undefined;
  /** Aborts when the client disconnects. The call is then cancelled. */
  readonly signal: AbortSignal;
  /** Passed to the client that makes the call. */
  readonly contextValues?: ContextValues;
}

/** An HTTP response. */
export interface RestResponse {
  readonly status: number;
  /** Keyed by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body, or its parts. Request each part after the previous one was sent, and call `return` if the client disconnects early. */
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** The first value of a header. */
export function headerOf(request: RestRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : value?.[0];
}
