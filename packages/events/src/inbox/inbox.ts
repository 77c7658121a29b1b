import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Environment } from "@parley/rpc";
import type { Database, PageRequest } from "@parley/store";
import type { DeadLetter, DeadLetterPage } from "./dead-letters.ts";
import type { EventHandlers } from "./event-handler.ts";

export interface InboxOptions {
  /** With {@link inboxMigrations} applied. */
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "log" | "metrics" | "recorder">;
  readonly handlers: EventHandlers;
  /** Attempts after which an event becomes a dead letter. Default: 5. */
  readonly maxAttempts?: number;
  /** How long the mark of a handled event is kept. Default: 400 days, longer than a source may be stopped and then redeliver. */
  readonly retentionMs?: number;
}

/** An event that did not take effect. */
export interface FailedDelivery {
  readonly eventId: string;
  readonly cause: string;
}

/** Receives events. Each has its effect once, however often it is delivered. */
export interface Inbox {
  /**
   * Handles events, in order for each key. Returns those that did not take effect and must be delivered again, including later
   * events of the same key. An event that failed `maxAttempts` times is dead-lettered and counts as handled.
   */
  deliver(events: readonly Event[]): Promise<readonly FailedDelivery[]>;
  /** The dead letters, oldest first, at most 100 a page. Throws `InvalidPageTokenError`. */
  listDeadLetters(page: PageRequest): Promise<DeadLetterPage>;
  /** Redrives dead letters: those with these event ids, or the 100 oldest if none are given. */
  redriveDeadLetters(eventIds: readonly string[]): Promise<RedriveResult>;
  /** Starts pruning marks older than the retention. */
  start(): void;
  stop(): Promise<void>;
}

export interface RedriveResult {
  /** The events that were handled. */
  readonly deliveredEventIds: readonly string[];
  /** The events that failed again. */
  readonly deadLetters: readonly DeadLetter[];
}
