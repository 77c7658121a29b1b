/** Every reason that the notification service gives in `ErrorInfo.reason`. */
export const reasons = {
  invalidPageToken: "INVALID_PAGE_TOKEN",
  positionGone: "POSITION_GONE",
  invalidPosition: "INVALID_POSITION",
  deadLetterNotFound: "DEAD_LETTER_NOT_FOUND",
} as const;
