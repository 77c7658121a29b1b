import type { OutgoingEvent } from "../event-log.ts";
import type { FailedDelivery } from "../inbox/inbox.ts";

/** The most events in one publish: as many as `EventService.Deliver` accepts. */
export const publishBatchMax = 100;

/** Delivers events from a source's relay to all subscribers. */
export interface Broker {
  /**
   * Publishes up to {@link publishBatchMax} events, those of one key in order. Resolves when the outcome of each is certain:
   * events missing from the answer took effect durably at every subscriber. Throws {@link BrokerUnavailableError} if the outcome
   * is unknown, so that all must be published again; aborting the signal does so at once.
   */
  publish(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<readonly FailedDelivery[]>;
  /** Closes its connections. */
  close(): Promise<void>;
}

/** The broker, or a subscriber behind it, is unreachable or did not answer in time. */
export class BrokerUnavailableError extends Error {
  override readonly name = "BrokerUnavailableError";
}
