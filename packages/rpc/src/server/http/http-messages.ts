import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request of either HTTP version, from Node's own servers. */
export type AnyRequest = IncomingMessage | Http2ServerRequest;
/** A response of either HTTP version. */
export type AnyResponse = ServerResponse | Http2ServerResponse;
/** Handles a request that does not take the fast path of unary calls. */
export type RequestHandler = (request: AnyRequest, response: AnyResponse) => void;
