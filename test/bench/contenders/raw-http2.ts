import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { ready } from "../ready.ts";

/** The minimum of HTTP/2 with trailers on Node: echoes the body unchanged. */
const server = createServer({ settings: { initialWindowSize: 256 * 1024 } });
server.on("stream", (stream: ServerHttp2Stream, headers) => {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  // The load generator stops with calls in flight.
  stream.on("error", () => {});
  stream.on("end", () => {
    if (stream.destroyed) {
      return;
    }
    stream.respond({ ":status": 200, "content-type": headers["content-type"] }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    const [first] = chunks;
    stream.end(chunks.length === 1 ? first : Buffer.concat(chunks));
  });
});
server.listen(0, "127.0.0.1", () => ready((server.address() as AddressInfo).port));
