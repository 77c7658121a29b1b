import type { OutgoingEvent } from "../event-log.ts";
import type { FailedDelivery } from "../inbox/inbox.ts";

/** Events given to a broker at once, at most: as many as `EventService.Deliver` takes. */
export const publishBatchMax = 100;

/** Brings events from a source's relay to everybody who wants to be told. */
export interface Broker {
  /**
   * Hands over up to {@link publishBatchMax} events, those of one key in order. Returns when it is certain what became of each:
   * those not named in the answer took effect durably with all who want them. Throws {@link BrokerUnavailableError} if nobody
   * can tell, so that all must be given again; aborting the signal makes it so at once.
   */
  publish(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<readonly FailedDelivery[]>;
  /** Gives its connections back. */
  close(): Promise<void>;
}

/** The broker, or somebody behind it, cannot be reached or did not answer in time. */
export class BrokerUnavailableError extends Error {
  override readonly name = "BrokerUnavailableError";
}
