import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";

/** What a service says when something happened. The log adds id, source, time, sequence and trace. */
export interface NewEvent {
  /** The type that goes with the payload, of {@link eventTypes}. Another one is refused with a TypeError. */
  readonly type: string;
  /** What it happened to, for example an order's id. */
  readonly subject: string;
  /** Events with the same key are delivered in order. */
  readonly partitionKey: string;
  readonly payload: Event["payload"];
  /** The call that caused it, whose request id and trace the event carries on. */
  readonly cause?: CallContext;
}

/**
 * A service's events, in the order in which they happened, kept in its own database: the outbox that the relay publishes
 * from, and what Watch methods read.
 */
export interface EventLog {
  /**
   * Writes events down, in order, with the transaction that they belong to: all is kept, or nothing. They are written at its end, together
   * with those of the others that share its commit.
   */
  append(transaction: Transaction, ...events: readonly NewEvent[]): Promise<void>;
  /**
   * The durable events after a position, in order, and then each new one as it becomes durable, until the signal aborts.
   * Without a position it begins with what happens from now on. Throws {@link PositionGoneError} if such events after
   * the position were pruned, {@link UnreadablePositionError} if it is not a position.
   */
  watch(options: WatchOptions): AsyncIterable<LoggedEvent>;
  /** Calls back after events became durable. The answer ends it. */
  onAppended(callback: () => void): () => void;
  /** Calls back with each event that this process appended to be published, once it is durable, in order. The answer ends it. */
  onWaiting(callback: (event: WaitingEvent) => void): () => void;
}

/** An event whose effect is not sure yet. */
export interface WaitingEvent {
  /** Its place in the log. */
  readonly sequence: number;
  readonly partition: number;
  readonly key: string;
  /** What is to be sent. An event that was read is decoded only here. */
  outgoing(): OutgoingEvent;
}

/** An event on its way to those who want to be told of it, as the log keeps it: encoding it again would cost as much as sending it. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly traceparent: string;
  readonly sequence: number;
  /** The `event.v1.Event`, encoded, but for its sequence. */
  readonly encoded: Uint8Array;
}

export interface WatchOptions {
  readonly afterPosition?: string;
  /** Only events of these types. */
  readonly types: readonly string[];
  /** Only events that concern these: ids of buyers or products, by type. Default, and if empty: all. */
  readonly audiences?: readonly string[];
  readonly signal: AbortSignal;
}

export interface LoggedEvent {
  readonly event: Event;
  /** An opaque place in the log, to go on after. */
  readonly position: string;
}
