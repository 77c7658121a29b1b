import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { FailedDelivery } from "../inbox/inbox.ts";

/** Takes events from a broker and gives them to an inbox. */
export interface EventConsumer {
  start(): void;
  /** Ends after the batch under way. What was read and not dealt with is given to whoever comes next. */
  stop(): Promise<void>;
}

/** What a consumer gives events to: `deliver` of an inbox. */
export type Deliver = (events: readonly Event[]) => Promise<readonly FailedDelivery[]>;
