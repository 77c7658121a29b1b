import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request of either HTTP version, as Node's own servers hand it over. */
export type AnyRequest = IncomingMessage | Http2ServerRequest;
/** A response of either HTTP version. */
export type AnyResponse = ServerResponse | Http2ServerResponse;
/** Returns a request that is not on the unary path. */
export type RequestHandler = (request: AnyRequest, response: AnyResponse) => void;
