import type { ContextValues } from "@connectrpc/connect";
import type { BodySource } from "./request/body.ts";

/** An HTTP request, of whatever server or runtime it came in by. */
export interface RestRequest {
  /** In capitals, as on the wire. */
  readonly method: string;
  /** The request target as on the request line (RFC 9112, section 3.2), still encoded: path and query, or a whole URL. */
  readonly url: string;
  /** The scheme and authority that the client uses, for example `http://localhost:8080`, to name whole URLs in errors. */
  readonly origin?: string | undefined;
  /** By lower-case name; Node's `IncomingHttpHeaders` fits. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: BodySource;
  /** Aborts when the client leaves: the call is cancelled then. */
  readonly signal: AbortSignal;
  /** Handed on to the client that makes the call. */
  readonly contextValues?: ContextValues;
}

/** An HTTP answer. */
export interface RestResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The whole body, or its parts as they come. Each part is to be asked for once the one before is taken, and `return` is
   * to be called where the client leaves early.
   */
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** The first value of a header. */
export function headerOf(request: RestRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : value?.[0];
}
