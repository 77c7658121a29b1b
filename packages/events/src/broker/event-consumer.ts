import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { FailedDelivery } from "../inbox/inbox.ts";

/** Receives events from a broker and passes them to an inbox. */
export interface EventConsumer {
  start(): void;
  /** Resolves after the current batch. Entries that were read and not handled are delivered to another consumer. */
  stop(): Promise<void>;
}

/** The receiver of a consumer's events: `deliver` of an inbox. */
export type Deliver = (events: readonly Event[]) => Promise<readonly FailedDelivery[]>;
