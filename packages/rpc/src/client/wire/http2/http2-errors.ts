import { Code, ConnectError } from "@connectrpc/connect";
import { errorCode } from "@parley/http2";
import { markDeliveryStatus, markLost } from "../../call/attempt-outcome.ts";

/** The error of a call whose stream the server reset (gRPC over HTTP/2, "HTTP2 Transport Mapping", "Errors"). */
export function errorFromReset(resetCode: number): ConnectError {
  const message = `the server reset the stream (HTTP/2 error code ${resetCode})`;
  switch (resetCode) {
    case errorCode.refusedStream:
      return markDeliveryStatus(new ConnectError(message, Code.Unavailable), "refused");
    case errorCode.cancel:
      return markDeliveryStatus(new ConnectError(message, Code.Canceled), "answered");
    case errorCode.enhanceYourCalm:
      return markDeliveryStatus(new ConnectError(message, Code.ResourceExhausted), "answered");
    case errorCode.inadequateSecurity:
    case errorCode.http11Required:
      return markDeliveryStatus(new ConnectError(message, Code.PermissionDenied), "answered");
    default:
      return markDeliveryStatus(new ConnectError(message, Code.Internal), "answered");
  }
}

/** The error of a call whose connection broke while it was in flight: the server may or may not have processed it. */
export function connectionLost(connection: object): ConnectError {
  return markLost(new ConnectError("the connection was lost", Code.Unavailable), connection);
}
