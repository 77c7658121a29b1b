import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { AnyHttp2Stream } from "@parley/http2";

/** What is known of a request over HTTP/2 once its headers are here. */
export interface Http2Request {
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
}

/** Returns some of the requests of a server, straight from the connection. */
export interface RpcPath {
  /** Takes the request, or returns false and leaves the stream untouched for the next path. */
  http2(stream: AnyHttp2Stream, request: Http2Request): boolean;
  /** Takes the request, or returns false and leaves it untouched for the next path. */
  http1(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Several paths as one: the first that takes a request answers it. */
export function firstOf(paths: readonly RpcPath[]): RpcPath {
  return {
    http2: (stream, request) => paths.some((path) => path.http2(stream, request)),
    http1: (request, response) => paths.some((path) => path.http1(request, response)),
  };
}

/** A header that is to have one value; undefined if it has none or several. */
export function oneValue(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
