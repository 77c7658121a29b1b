/** All error reasons of the user service (`google.rpc.ErrorInfo.reason`). */
export type UserReason =
  /** No user has the id. Metadata: `userId`, the first; for several `userIds`, at most ten, separated by commas. */
  | "USER_NOT_FOUND"
  /** Another account has this e-mail address. Metadata: `field`. */
  | "EMAIL_TAKEN"
  /** The account was changed since it was read. Metadata: `userId`, `etag` (the current one). */
  | "ETAG_MISMATCH"
  /** A field cannot have this value. Metadata: `field`. */
  | "INVALID_FIELD"
  /** The request id was used for another request. Metadata: `field`. */
  | "REQUEST_ID_REUSED"
  /** The page token was not issued by this service for this list. Metadata: `field`. */
  | "INVALID_PAGE_TOKEN"
  /** Wrong e-mail address or password. */
  | "WRONG_CREDENTIALS"
  /** The refresh token is unknown, used, revoked or expired. */
  | "REFRESH_TOKEN_ENDED"
  /** Too many sign-ins failed, for the account or from the address. With the retry delay. */
  | "TOO_MANY_FAILED_LOGINS"
  /** Too many passwords wait to be hashed or verified. With the retry delay. */
  | "PASSWORD_QUEUE_FULL"
  /** The service's own database is unavailable. */
  | "STORE_UNAVAILABLE";

export interface UserErrorOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** The retry delay, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A refusal of the user service. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly reason: UserReason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(reason: UserReason, message: string, { metadata = {}, retryAfterMs, cause }: UserErrorOptions = {}) {
    super(message, { cause });
    this.reason = reason;
    this.metadata = metadata;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The most ids in one message: an error is sent in headers, which have a limit. */
const namedMax = 10;

/** No user has the ids. */
export function userNotFound(ids: readonly string[]): UserError {
  const [userId = ""] = ids;
  if (ids.length === 1) {
    return new UserError("USER_NOT_FOUND", `There is no user ${userId}.`, { metadata: { userId } });
  }
  const named = ids.slice(0, namedMax);
  const more = ids.length > namedMax ? ` and ${ids.length - namedMax} more` : "";
  return new UserError("USER_NOT_FOUND", `There are no users ${named.join(", ")}${more}.`, {
    metadata: { userId, userIds: named.join(",") },
  });
}

/** Another account has the e-mail address in the field. */
export function emailTaken(field: string): UserError {
  return new UserError(
    "EMAIL_TAKEN",
    "Another account has this e-mail address. Sign in to it, or use another address.",
    { metadata: { field } },
  );
}
