import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Order as OrderMessage, OrderSchema, OrderState as StateMessage } from "@parley/gen/order/v1/order_pb.js";
import { etagOf, type Order, type OrderState, stateOf } from "./order.ts";

/** The order as the contract has it. */
export function orderMessage(order: Order): OrderMessage {
  const state = stateOf(order.phase);
  return create(OrderSchema, {
    id: order.id,
    userId: order.userId,
    userName: order.userName,
    userEmail: order.userEmail,
    items: order.items.map(({ productId, productName = "", quantity, unitPrice, totalPrice }) => ({
      productId,
      productName,
      quantity,
      ...(unitPrice === undefined ? {} : { unitPrice }),
      ...(totalPrice === undefined ? {} : { totalPrice }),
    })),
    ...(order.totalPrice === undefined ? {} : { totalPrice: order.totalPrice }),
    state: stateMessages[state],
    // A reason that waits for the stock to be given back is not yet the order's.
    stateReason: state === "REJECTED" || state === "CANCELLED" ? order.stateReason : "",
    createTime: timestamp(order.createTimeMs),
    updateTime: timestamp(order.updateTimeMs),
    etag: etagOf(order),
  });
}

/** The state that a request names. Undefined where it names none. */
export function stateOfMessage(message: StateMessage): OrderState | undefined {
  return statesByMessage.get(message);
}

const stateMessages: Readonly<Record<OrderState, StateMessage>> = {
  PENDING: StateMessage.PENDING,
  CONFIRMED: StateMessage.CONFIRMED,
  CANCELLED: StateMessage.CANCELLED,
  REJECTED: StateMessage.REJECTED,
};

const statesByMessage: ReadonlyMap<StateMessage, OrderState> = new Map(
  (Object.keys(stateMessages) as OrderState[]).map((state) => [stateMessages[state], state]),
);

function timestamp(timeMs: number): Timestamp {
  const seconds = Math.floor(timeMs / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: Math.round((timeMs - seconds * 1000) * 1e6) });
}
