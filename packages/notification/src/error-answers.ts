import { Code, ConnectError } from "@connectrpc/connect";
import { answeringWith, reasonError } from "@parley/rpc";
import { InvalidPageTokenError, StoreUnavailableError } from "@parley/store";
import { EventSourceError, InvalidPositionError, reasons } from "./notification-errors.ts";

/** Maps an error to the caller's. Others are passed on: the runtime answers INTERNAL. */
export function errorAnswer(error: unknown): unknown {
  if (error instanceof ConnectError) {
    return error;
  }
  if (error instanceof InvalidPageTokenError) {
    return reasonError(Code.InvalidArgument, {
      reason: reasons.invalidPageToken,
      message: error.message,
      fields: [{ field: "page_token", description: error.message }],
      cause: error,
    });
  }
  if (error instanceof InvalidPositionError) {
    return reasonError(Code.InvalidArgument, {
      reason: reasons.invalidPosition,
      message: error.message,
      fields: [{ field: "after_position", description: error.message }],
      cause: error,
    });
  }
  if (error instanceof EventSourceError) {
    return reasonError(Code.PermissionDenied, {
      reason: reasons.eventSourceMismatch,
      message: error.message,
      metadata: { source: error.source },
      cause: error,
    });
  }
  if (error instanceof StoreUnavailableError) {
    return reasonError(Code.Unavailable, {
      reason: reasons.storeUnavailable,
      message: "The notification service cannot reach its database.",
      cause: error,
    });
  }
  return error;
}

/** Maps the errors of a method with {@link errorAnswer}. */
export const answering = answeringWith(errorAnswer);
