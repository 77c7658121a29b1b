import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";

/** An event as a service appends it. The log adds id, source, time, sequence and trace. */
export interface NewEvent {
  /** The type for the payload, from {@link eventTypes}. A mismatch throws a TypeError. */
  readonly type: string;
  /** The id of the subject, for example an order's. */
  readonly subject: string;
  /** Events with the same key are delivered in order. */
  readonly partitionKey: string;
  readonly payload: Event["payload"];
  /** The call that caused it; the event carries its request id and trace. */
  readonly cause?: CallContext;
}

/**
 * A service's events, in order, in its own database: the outbox that the relay publishes from,
 * and the source of Watch methods.
 */
export interface EventLog {
  /**
   * Appends events, in order, in the transaction that they belong to: all or none. They are inserted at its end, together
   * with those of the other transactions of the commit.
   */
  append(transaction: Transaction, ...events: readonly NewEvent[]): Promise<void>;
  /**
   * The durable events after a position, in order, and then each new one as it becomes durable, until the signal aborts.
   * Without a position it begins with the next event. Throws {@link PositionGoneError} if such events after
   * the position were pruned, {@link UnreadablePositionError} if it is not a position.
   */
  watch(options: WatchOptions): AsyncIterable<LoggedEvent>;
  /** Calls back after events became durable. The result unsubscribes. */
  onAppended(callback: () => void): () => void;
  /** Calls back with each event that this process appended for publishing, once it is durable, in order. The result unsubscribes. */
  onWaiting(callback: (event: WaitingEvent) => void): () => void;
}

/** An event whose effect is not yet durable. */
export interface WaitingEvent {
  /** Its sequence in the log. */
  readonly sequence: number;
  readonly partition: number;
  readonly key: string;
  /** The event to publish. An event that was read from the log is decoded only here. */
  outgoing(): OutgoingEvent;
}

/** An event as the log stores it, on its way to the subscribers: encoding it again would cost as much as sending it. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly traceparent: string;
  readonly sequence: number;
  /** The encoded `event.v1.Event`, without its sequence. */
  readonly encoded: Uint8Array;
}

export interface WatchOptions {
  readonly afterPosition?: string;
  /** Only events of these types. */
  readonly types: readonly string[];
  /** Only events about these ids of buyers or products, by type. Default, and if empty: all. */
  readonly audiences?: readonly string[];
  readonly signal: AbortSignal;
}

export interface LoggedEvent {
  readonly event: Event;
  /** An opaque position in the log, to resume after. */
  readonly position: string;
}
