import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Transaction } from "@parley/store";
import type { PayloadCase, PayloadOf } from "../event-types.ts";

/** What a handler is given beside the payload. */
export interface Delivery {
  readonly event: Event;
  /** What the handler writes is kept together with the mark that the event was dealt with: both, or neither. */
  readonly transaction: Transaction;
}

/**
 * Deals with an event. Waits for nothing but statements of the transaction; what goes over the network is written down here and
 * sent later. What it throws is a failed try.
 */
export type EventHandler<C extends PayloadCase> = (payload: PayloadOf<C>, delivery: Delivery) => Promise<void>;

/** By payload. Events that have no handler are accepted and forgotten. */
export type EventHandlers = { readonly [C in PayloadCase]?: EventHandler<C> };

/** The handler of an event, ready to be called. */
export function handlerOf(
  handlers: EventHandlers,
  event: Event,
): ((transaction: Transaction) => Promise<void>) | undefined {
  const { case: payloadCase, value } = event.payload;
  if (payloadCase === undefined) {
    return undefined;
  }
  // The case picks handler and payload alike, which the types of a union cannot say.
  const handler = handlers[payloadCase] as ((payload: typeof value, delivery: Delivery) => Promise<void>) | undefined;
  return handler === undefined ? undefined : (transaction) => handler(value, { event, transaction });
}
