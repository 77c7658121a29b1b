import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { AnyHttp2Stream } from "@parley/http2";

/** An HTTP/2 request whose headers were received. */
export interface Http2Request {
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
}

/** Handles some of a server's requests. */
export interface RpcPath {
  /** Handles the request, or returns false and leaves the stream untouched for the next path. */
  http2(stream: AnyHttp2Stream, request: Http2Request): boolean;
  /** Handles the request, or returns false and leaves it untouched for the next path. */
  http1(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Combines paths: each request goes to the first path that handles it. */
export function firstOf(paths: readonly RpcPath[]): RpcPath {
  return {
    http2: (stream, request) => paths.some((path) => path.http2(stream, request)),
    http1: (request, response) => paths.some((path) => path.http1(request, response)),
  };
}

/** The value of a header that must have exactly one. Undefined if it has none or several. */
export function oneValue(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
