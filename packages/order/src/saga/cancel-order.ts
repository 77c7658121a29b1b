import { beginCancel, etagOf, type Order, stateOf } from "../order.ts";
import { EtagMismatchError, OrderNotCancellableError, OrderNotFoundError } from "../order-errors.ts";
import type { OrderStore } from "../order-store.ts";
import type { InTurn } from "./in-turn.ts";
import type { OrderSaga } from "./order-saga.ts";
import type { SagaCall } from "./saga-call.ts";

/** An order to cancel. */
export interface CancelRequest {
  readonly id: string;
  /** The buyer's reason. May be empty. */
  readonly reason: string;
  /** Unless empty, it must be the order's current etag. */
  readonly etag: string;
}

export interface CancelOrderOptions {
  readonly store: OrderStore;
  readonly saga: OrderSaga;
  readonly inTurn: InTurn;
}

/**
 * Cancels confirmed orders: stores the intention, then releases the stock, then cancels the order.
 * A repetition returns the same. Throws {@link OrderNotFoundError}, {@link OrderNotCancellableError},
 * {@link EtagMismatchError}, {@link DependencyError}; after the last, recovery continues.
 */
export function createCancelOrder({ store, saga, inTurn }: CancelOrderOptions) {
  return async function cancel({ id, reason, etag }: CancelRequest, call: SagaCall): Promise<Order> {
    // Read before its turn, so that a pending order is refused at once instead of waited for.
    check(await store.get(id), id, etag);
    return await inTurn.run(id, async () => {
      const order = check(await store.get(id), id, etag);
      if (order.phase === "CANCELLED") return order;
      const next = order.phase === "CONFIRMED" ? await saga.move(order, beginCancel(order, reason), call) : order;
      return next.phase === "CANCELLING" ? await saga.release(next, call) : next;
    });
  };
}

function check(order: Order | undefined, id: string, etag: string): Order {
  if (order === undefined) throw new OrderNotFoundError(id);
  const state = stateOf(order.phase);
  if (state !== "CONFIRMED" && state !== "CANCELLED") throw new OrderNotCancellableError(id, state);
  if (etag !== "" && etag !== etagOf(order) && !isRepetition(order, etag)) throw new EtagMismatchError(id);
  return order;
}

/** Whether the etag is that of the order before it was cancelled: then this is the same call again. */
function isRepetition(order: Order, etag: string): boolean {
  return order.phase === "CANCELLED" && etag === etagOf({ ...order, revision: order.revision - 1 });
}
