import type { HandlerContext } from "@connectrpc/connect";
import type { EventLog } from "@parley/events";
import { OrderService, WatchOrdersResponseSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { implement, type ServiceEntry, sharedMessages } from "@parley/rpc/server";
import { readPage } from "@parley/store";
import { answering, errorAnswer } from "./error-answers.ts";
import { orderList } from "./list-orders.ts";
import type { Order } from "./order.ts";
import { OrderNotFoundError } from "./order-errors.ts";
import { orderMessage, stateOfMessage } from "./order-messages.ts";
import type { OrderStore } from "./order-store.ts";
import type { createCancelOrder } from "./saga/cancel-order.ts";
import { orderRequestOf } from "./saga/order-request.ts";
import type { createPlaceOrder } from "./saga/place-order.ts";
import type { SagaCall } from "./saga/saga-call.ts";
import { createReadChange, watchOrders } from "./watch-orders.ts";

export interface OrderServiceOptions {
  readonly store: OrderStore;
  readonly events: EventLog;
  readonly place: ReturnType<typeof createPlaceOrder>;
  readonly cancel: ReturnType<typeof createCancelOrder>;
  /** Whether orders without a user are accepted. */
  readonly guests: boolean;
  /** Work on behalf of a call that continues when the caller disconnects. */
  readonly detached: (context: HandlerContext) => SagaCall;
}

/** The RPC edge: maps messages to the domain, results to messages, errors to codes. */
export function orderService(options: OrderServiceOptions): ServiceEntry {
  const { store, events, place, cancel, guests, detached } = options;
  const read = createReadChange(store);
  const sent = sharedMessages(WatchOrdersResponseSchema);
  return implement(OrderService, {
    createOrder: answering(async (message, context: HandlerContext) => {
      const request = orderRequestOf(message, { guests });
      return { order: orderMessage(await place(request, detached(context))) };
    }),
    getOrder: answering(async ({ orderId: id }) => ({ order: orderMessage(found(await store.get(id), id)) })),
    listOrders: answering(async ({ userId, state, ...page }) => {
      const list = orderList(store, { userId, state: stateOfMessage(state) });
      const { rows, nextPageToken } = await readPage(page, list);
      return { orders: rows.map(orderMessage), nextPageToken };
    }),
    cancelOrder: answering(async ({ orderId: id, reason, etag }, context: HandlerContext) => {
      return { order: orderMessage(await cancel({ id, reason, etag }, detached(context))) };
    }),
    async *watchOrders({ userId, afterPosition }, { signal }) {
      try {
        for await (const change of watchOrders({ userId, afterPosition }, { read, events, signal })) {
          yield sent(change, () => ({ order: orderMessage(change.order), position: change.position }));
        }
      } catch (error) {
        throw errorAnswer(error);
      }
    },
  });
}

function found(order: Order | undefined, id: string): Order {
  if (order === undefined) throw new OrderNotFoundError(id);
  return order;
}
