import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Transaction } from "@parley/store";
import type { PayloadCase, PayloadOf } from "../event-types.ts";

/** The arguments of a handler besides the payload. */
export interface Delivery {
  readonly event: Event;
  /** The handler's writes are committed together with the event's mark: both, or neither. */
  readonly transaction: Transaction;
  /** The trace context of the event's effect, for the work that it causes. Undefined without tracing. */
  readonly traceparent: string | undefined;
}

/**
 * Handles an event. It may await only statements of the transaction: it stores the intent of network effects, which are sent after the
 * commit. An exception is a failed attempt.
 */
export type EventHandler<C extends PayloadCase> = (payload: PayloadOf<C>, delivery: Delivery) => Promise<void>;

/** By payload. Events without a handler are accepted and ignored. */
export type EventHandlers = { readonly [C in PayloadCase]?: EventHandler<C> };

/** The handler of an event, bound to it. */
export function handlerOf(
  handlers: EventHandlers,
  event: Event,
  traceparent?: string,
): ((transaction: Transaction) => Promise<void>) | undefined {
  const { case: payloadCase, value } = event.payload;
  if (payloadCase === undefined) {
    return undefined;
  }
  // The case selects handler and payload alike, which union types cannot express.
  const handler = handlers[payloadCase] as ((payload: typeof value, delivery: Delivery) => Promise<void>) | undefined;
  return handler === undefined ? undefined : (transaction) => handler(value, { event, transaction, traceparent });
}
