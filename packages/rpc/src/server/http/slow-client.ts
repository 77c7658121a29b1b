import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { AnyRequest, AnyResponse } from "./http-messages.ts";

interface Exchange {
  readonly request: AnyRequest;
  readonly response: AnyResponse;
  readonly limits: { readonly stallTimeoutMs: number };
}

/** Ends the exchange if the client stops reading the response, or still sends its request after the response. */
export function boundAnswer({ request, response, limits }: Exchange): void {
  if (!("stream" in response)) {
    // Node emits it after `Server.timeout` without a byte in either direction.
    response.on("timeout", cutStalledSocket);
    response.once("finish", () => {
      if (!request.complete) {
        // Some clients read the response only after they have sent the request. `Server.requestTimeout` limits the time for it.
        // The listener keeps it flowing: without one, Node stops again when an iterator over the request ends.
        request.removeAllListeners("readable").on("data", drop).resume();
      }
    });
    return;
  }
  const { stream } = response;
  stream.setTimeout(limits.stallTimeoutMs);
  stream.on("timeout", cutStalledStream);
  // The response emits `finish` only when the stream closes.
  stream.once("finish", () => {
    if (!request.complete) {
      // The response is complete before the request: RST_STREAM with NO_ERROR (RFC 9113, section 8.1).
      setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), trailersMs).unref();
    }
  });
}

function drop(): void {}

/** Node sends trailers after `finish`. An earlier RST_STREAM would replace them. In milliseconds. */
const trailersMs = 100;

/** Destroys a connection that timed out with unsent response bytes. */
export function cutStalledSocket(socket: Socket): void {
  if (socket.writableLength > 0) {
    socket.destroy();
  }
}

function cutStalledStream(this: ServerHttp2Stream): void {
  if (this.writableLength > 0) {
    this.close(constants.NGHTTP2_CANCEL);
  }
}
