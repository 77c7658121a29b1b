import { constants } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { markReach } from "../attempt-outcome.ts";

/** The error of a call whose stream the server reset (gRPC over HTTP/2, "HTTP2 Transport Mapping", "Errors"). */
export function errorFromReset(resetCode: number): ConnectError {
  const message = `the server reset the stream (HTTP/2 error code ${resetCode})`;
  switch (resetCode) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return markReach(new ConnectError(message, Code.Unavailable), "refused");
    case constants.NGHTTP2_CANCEL:
      return markReach(new ConnectError(message, Code.Canceled), "answered");
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return markReach(new ConnectError(message, Code.ResourceExhausted), "answered");
    case constants.NGHTTP2_INADEQUATE_SECURITY:
    case constants.NGHTTP2_HTTP_1_1_REQUIRED:
      return markReach(new ConnectError(message, Code.PermissionDenied), "answered");
    default:
      return markReach(new ConnectError(message, Code.Internal), "answered");
  }
}

/** The error of a call whose connection broke while it was under way: the server may or may not have done its work. */
export function connectionLost(): ConnectError {
  return markReach(new ConnectError("the connection was lost", Code.Unavailable), "lost");
}
