import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { AnyRequest, AnyResponse } from "./http-messages.ts";

interface Exchange {
  readonly request: AnyRequest;
  readonly response: AnyResponse;
  readonly limits: { readonly stallTimeoutMs: number };
}

/** Sees to it that an answer ends: a client that stops reading it, or that goes on sending after it, holds nothing up. */
export function boundAnswer({ request, response, limits }: Exchange): void {
  if (!("stream" in response)) {
    // Comes after `Server.timeout` without a byte either way.
    response.on("timeout", cutStalledSocket);
    response.once("finish", () => {
      if (!request.complete) {
        // Some clients read no answer before all is sent. `Server.requestTimeout` bounds how long they may take.
        request.removeAllListeners("readable").resume();
      }
    });
    return;
  }
  const { stream } = response;
  stream.setTimeout(limits.stallTimeoutMs);
  stream.on("timeout", cutStalledStream);
  // The response itself counts as finished no sooner than the stream is closed.
  stream.once("finish", () => {
    if (!request.complete) {
      // The response was complete before the request, and the rest of the request is ignored (RFC 9113, section 8.1).
      setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), trailersMs).unref();
    }
  });
}

/** Trailers leave after the answer counts as finished, and a reset that overtakes them would take their place. */
const trailersMs = 100;

/** Destroys a connection that has timed out with an unread response. */
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
