import type { EventLog, NewEvent } from "@parley/events";
import type { Command, SqlValue } from "@parley/store";
import type { Order, OrderPhase } from "../order.ts";
import { formatItems } from "../order-row.ts";

/** A confirmed order, and its event. */
export interface Confirmation {
  readonly order: Order;
  readonly from: OrderPhase;
  readonly event: NewEvent | undefined;
}

/** Updates an order to CONFIRMED and appends its event, both or neither. False if the order was changed before. */
export function confirmOrder(events: EventLog): Command<Confirmation, boolean> {
  return {
    name: "ConfirmOrder",

    async one(transaction, { order, from, event }) {
      if ((await transaction.run(confirmSql, ...changedValues(order), order.id, from)) === 0) return false;
      if (event !== undefined) await events.append(transaction, event);
      return true;
    },

    async many(transaction, inputs) {
      const rows = inputs.map(({ order, from }) => [...changedValues(order), order.id, from]);
      const columns = manyTypes.map((_, index) => rows.map((row) => row[index] ?? null));
      // Hardly ever was one of them changed before, or is twice in the batch. So the events are sent without knowing that.
      transaction.send({ sql: confirmManySql, parameters: columns, rowCount: inputs.length });
      for (const { event } of inputs) if (event !== undefined) await events.append(transaction, event);
      return inputs.map(() => ({ answer: true }));
    },
  };
}

// The one transition that every order makes has its own statement, which does not touch the index of request ids.
const confirmSql = `
  UPDATE orders SET phase = 'CONFIRMED', state = 'CONFIRMED', items = ?, total_units = ?, total_nanos = ?, currency = ?, revision = ?,
    update_time = ?, confirm_time = ?, due_time = NULL
  WHERE id = ? AND phase = ?`;
const manyTypes = ["text", "int8", "int4", "text", "int4", "int8", "int8", "text", "text"];
const confirmManySql = `
  UPDATE orders SET phase = 'CONFIRMED', state = 'CONFIRMED', items = given.items, total_units = given.total_units,
    total_nanos = given.total_nanos, currency = given.currency, revision = given.revision, update_time = given.update_time,
    confirm_time = given.confirm_time, due_time = NULL
  FROM unnest(${manyTypes.map((type) => `?::${type}[]`).join(", ")})
    AS given (items, total_units, total_nanos, currency, revision, update_time, confirm_time, id, from_phase)
  WHERE orders.id = given.id AND orders.phase = given.from_phase RETURNING orders.id`;

/** What the confirmation changes, other than the state. */
function changedValues(order: Order): readonly SqlValue[] {
  return [
    formatItems(order.items),
    order.totalPrice?.units ?? null,
    order.totalPrice?.nanos ?? null,
    order.totalPrice?.currencyCode ?? null,
    order.revision,
    order.updateTimeMs,
    order.confirmTimeMs ?? null,
  ];
}
