import { Code, type HandlerContext } from "@connectrpc/connect";
import { answeringWith, callContextKey, reasonError } from "@parley/rpc";
import { InvalidPageTokenError, RequestIdReusedError, StoreUnavailableError } from "@parley/store";
import { UserError, type UserReason } from "./user-errors.ts";

const codes: Readonly<Record<UserReason, Code>> = {
  USER_NOT_FOUND: Code.NotFound,
  EMAIL_TAKEN: Code.AlreadyExists,
  ETAG_MISMATCH: Code.Aborted,
  INVALID_FIELD: Code.InvalidArgument,
  REQUEST_ID_REUSED: Code.InvalidArgument,
  INVALID_PAGE_TOKEN: Code.InvalidArgument,
  WRONG_CREDENTIALS: Code.Unauthenticated,
  REFRESH_TOKEN_ENDED: Code.Unauthenticated,
  TOO_MANY_FAILED_LOGINS: Code.ResourceExhausted,
  PASSWORD_QUEUE_FULL: Code.ResourceExhausted,
  STORE_UNAVAILABLE: Code.Unavailable,
};

/** Maps an error to the caller's: a refusal to its code and reason; others are passed on, and the runtime hides them. */
export function errorAnswer(error: unknown): unknown {
  const refusal = asRefusal(error);
  if (refusal === undefined) {
    return error;
  }
  const { reason, message, metadata, retryAfterMs } = refusal;
  return reasonError(codes[reason], {
    reason,
    message,
    metadata,
    ...(metadata.field === undefined ? {} : { fields: [{ field: metadata.field, description: message, reason }] }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause: error,
  });
}

function asRefusal(error: unknown): UserError | undefined {
  if (error instanceof UserError) {
    return error;
  }
  if (error instanceof RequestIdReusedError) {
    return new UserError("REQUEST_ID_REUSED", error.message, { metadata: { field: "request_id" } });
  }
  if (error instanceof InvalidPageTokenError) {
    return new UserError("INVALID_PAGE_TOKEN", error.message, { metadata: { field: "page_token" } });
  }
  if (error instanceof StoreUnavailableError) {
    return new UserError("STORE_UNAVAILABLE", "The user service cannot reach its database.");
  }
  return undefined;
}

/** Maps the errors of a method with {@link errorAnswer}. */
export const answering = answeringWith(errorAnswer);

/** The caller's name: request ids are scoped to their caller. */
export function callerName({ values }: HandlerContext): string {
  const caller = values.get(callContextKey)?.caller;
  return caller === undefined ? "" : `${caller.kind} ${caller.id}`;
}
