import type { Http2Implementation } from "@parley/http2";

/**
 * For tests: whose HTTP/2 servers and clients use, `HTTP2_IMPLEMENTATION` as services read it. `HTTP2_IMPLEMENTATION=node npx vitest run
 * packages/rpc`
 */
export const testedHttp2: Http2Implementation = process.env.HTTP2_IMPLEMENTATION === "node" ? "node" : "own";
