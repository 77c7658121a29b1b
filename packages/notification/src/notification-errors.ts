/** All error reasons of the notification service (`ErrorInfo.reason`). */
export const reasons = {
  eventSourceMismatch: "EVENT_SOURCE_MISMATCH",
  invalidPageToken: "INVALID_PAGE_TOKEN",
  invalidPosition: "INVALID_POSITION",
  storeUnavailable: "STORE_UNAVAILABLE",
} as const;

/** A position that was not issued by the stream of notifications. */
export class InvalidPositionError extends Error {
  override readonly name = "InvalidPositionError";
}

/** A service tried to deliver an event whose source is another service. */
export class EventSourceError extends Error {
  override readonly name = "EventSourceError";
  readonly source: string;

  constructor(source: string, caller: string) {
    super(`The service ${caller} may not deliver events of ${source}: their source must be /services/${caller}.`);
    this.source = source;
  }
}
