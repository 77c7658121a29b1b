/** Every reason that the notification service gives in `ErrorInfo.reason`. */
export const reasons = {
  invalidPageToken: "INVALID_PAGE_TOKEN",
  invalidPosition: "INVALID_POSITION",
  storeUnavailable: "STORE_UNAVAILABLE",
} as const;

/** A position that the stream of notifications did not give out. */
export class InvalidPositionError extends Error {
  override readonly name = "InvalidPositionError";
}
