import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Environment } from "@parley/rpc";
import type { Database, PageRequest } from "@parley/store";
import type { DeadLetter, DeadLetterPage } from "./dead-letters.ts";
import type { EventHandlers } from "./event-handler.ts";

export interface InboxOptions {
  /** With {@link inboxMigrations} applied. */
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "log" | "metrics">;
  readonly handlers: EventHandlers;
  /** Tries after which an event becomes a dead letter. Default: 5. */
  readonly maxAttempts?: number;
  /** How long an event that was dealt with is remembered. Default: 400 days, longer than a source may be stopped and then redeliver. */
  readonly retentionMs?: number;
}

/** An event that did not take effect. */
export interface FailedDelivery {
  readonly eventId: string;
  readonly cause: string;
}

/** Takes events in: each has its effect once, however often it comes. */
export interface Inbox {
  /**
   * Deals with events, in order for each key. Returns the ones that did not take effect and must be given again; what follows
   * one of them in its key is among them. An event that failed as often as is allowed is put aside and counts as taken.
   */
  deliver(events: readonly Event[]): Promise<readonly FailedDelivery[]>;
  /** The events put aside, oldest first, at most 100 a page. Throws `InvalidPageTokenError`. */
  listDeadLetters(page: PageRequest): Promise<DeadLetterPage>;
  /** Tries dead letters again: the ones with these event ids, or the 100 oldest if there are none. */
  redriveDeadLetters(eventIds: readonly string[]): Promise<RedriveResult>;
  /** Begins to forget, bit by bit, what is older than the retention. */
  start(): void;
  stop(): Promise<void>;
}

export interface RedriveResult {
  /** The events that are dealt with now. */
  readonly deliveredEventIds: readonly string[];
  /** The events that failed again. */
  readonly deadLetters: readonly DeadLetter[];
}
