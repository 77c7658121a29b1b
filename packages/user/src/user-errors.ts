/** Why the user service refuses: all its reasons (`google.rpc.ErrorInfo.reason`). */
export type UserReason =
  /** No user has the id. Metadata: `userId`, the first; where several are missing `userIds`, ten at most, by commas. */
  | "USER_NOT_FOUND"
  /** Another account has this e-mail address. Metadata: `field`. */
  | "EMAIL_TAKEN"
  /** Somebody else changed the account since it was read. Metadata: `userId`, `etag` (the current one). */
  | "ETAG_MISMATCH"
  /** A field cannot have this value. Metadata: `field`. */
  | "INVALID_FIELD"
  /** The request id came before with another request. Metadata: `field`. */
  | "REQUEST_ID_REUSED"
  /** The page token was not given by this service, or for another list. Metadata: `field`. */
  | "INVALID_PAGE_TOKEN"
  /** E-mail address and password do not go together. */
  | "WRONG_CREDENTIALS"
  /** The refresh token is unknown, used, revoked or past its time. */
  | "REFRESH_TOKEN_ENDED"
  /** Too many sign-ins failed, for the account or from the address. Says how long to wait. */
  | "TOO_MANY_FAILED_LOGINS"
  /** More passwords wait to be hashed than can be in good time. Says how long to wait. */
  | "PASSWORD_QUEUE_FULL"
  /** The service's own database cannot do its work now. */
  | "STORE_UNAVAILABLE";

export interface UserErrorOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** How long to wait before another try, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** The user service's refusal of what was asked. */
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

/** Ids that one message names at most: an error travels in headers, which have a limit. */
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

/** Another account has the e-mail address that the field gives. */
export function emailTaken(field: string): UserError {
  return new UserError(
    "EMAIL_TAKEN",
    "Another account has this e-mail address. Sign in to it, or use another address.",
    { metadata: { field } },
  );
}
