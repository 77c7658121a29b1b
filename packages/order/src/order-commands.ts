import type { EventLog, NewEvent } from "@parley/events";
import type { Command, SqlValue } from "@parley/store";
import { type Order, type OrderPhase, stateOf } from "./order.ts";
import { formatItems } from "./order-row.ts";

/** A new order, its owner and the end of its lease. */
export interface NewOrder {
  readonly order: Order;
  readonly dueTimeMs: number;
  readonly owner: string;
}

/** Inserts a new order. False if its user's request id has an order already. */
export const insertOrder: Command<NewOrder, boolean> = {
  name: "InsertOrder",

  one: async (transaction, input) => (await transaction.run(insertSql, ...newOrderValues(input))) === 1,

  async many(transaction, inputs) {
    const rows = inputs.map(newOrderValues);
    const columns = newOrderTypes.map((_, index) => rows.map((row) => row[index] ?? null));
    const inserted = await transaction.all<{ id: string }>(insertManySql, ...columns);
    const ids = new Set(inserted.map(({ id }) => id));
    return inputs.map(({ order }) => ({ answer: ids.has(order.id) }));
  },
};

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
      if ((await transaction.run(confirmSql, ...confirmationValues(order), order.id, from)) === 0) return false;
      if (event !== undefined) await events.append(transaction, event);
      return true;
    },

    async many(transaction, inputs) {
      // One statement updates a row once: of two confirmations of one order the first counts.
      const first = new Map<string, Confirmation>();
      for (const input of inputs) if (!first.has(input.order.id)) first.set(input.order.id, input);
      const rows = [...first.values()].map(({ order, from }) => [...confirmationValues(order), order.id, from]);
      const columns = confirmationTypes.map((_, index) => rows.map((row) => row[index] ?? null));
      const moved = await transaction.all<{ id: string }>(confirmManySql, ...columns);
      const ids = new Set(moved.map(({ id }) => id));
      const outcomes = inputs.map((input) => ({
        answer: ids.has(input.order.id) && first.get(input.order.id) === input,
      }));
      for (const [index, { event }] of inputs.entries()) {
        if (outcomes[index]?.answer && event !== undefined) await events.append(transaction, event);
      }
      return outcomes;
    },
  };
}

const newOrderColumns = `id, user_id, user_name, user_email, items, phase, state, state_reason, request_id, revision, create_time,
    update_time, due_time, owner`;
const newOrderTypes = [
  ...["text", "text", "text", "text", "text", "text", "text", "text", "text"],
  ...["int4", "int8", "int8", "int8", "text"],
];
// ON CONFLICT names no index, so that PostgreSQL and SQLite both accept it with a partial one.
const insertSql = `
  INSERT INTO orders (${newOrderColumns})
  VALUES (${newOrderTypes.map(() => "?").join(", ")}) ON CONFLICT DO NOTHING`;
const insertManySql = `
  INSERT INTO orders (${newOrderColumns})
  SELECT * FROM unnest(${newOrderTypes.map((type) => `?::${type}[]`).join(", ")}) ON CONFLICT DO NOTHING RETURNING id`;

function newOrderValues({ order, dueTimeMs, owner }: NewOrder): readonly SqlValue[] {
  return [
    order.id,
    order.userId,
    order.userName,
    order.userEmail,
    formatItems(order.items),
    order.phase,
    stateOf(order.phase),
    order.stateReason,
    order.requestId ?? null,
    order.revision,
    order.createTimeMs,
    order.updateTimeMs,
    dueTimeMs,
    owner,
  ];
}

// The one transition that every order makes has its own statement, which does not touch the index of request ids.
const confirmSql = `
  UPDATE orders SET phase = ?, state = ?, items = ?, total_units = ?, total_nanos = ?, currency = ?, revision = ?,
    update_time = ?, confirm_time = ?, due_time = NULL
  WHERE id = ? AND phase = ?`;
const confirmationTypes = ["text", "text", "text", "int8", "int4", "text", "int4", "int8", "int8", "text", "text"];
const confirmManySql = `
  UPDATE orders SET phase = given.phase, state = given.state, items = given.items, total_units = given.total_units,
    total_nanos = given.total_nanos, currency = given.currency, revision = given.revision, update_time = given.update_time,
    confirm_time = given.confirm_time, due_time = NULL
  FROM unnest(${confirmationTypes.map((type) => `?::${type}[]`).join(", ")})
    AS given (phase, state, items, total_units, total_nanos, currency, revision, update_time, confirm_time, id, from_phase)
  WHERE orders.id = given.id AND orders.phase = given.from_phase RETURNING orders.id`;

function confirmationValues(order: Order): readonly SqlValue[] {
  return [
    order.phase,
    stateOf(order.phase),
    formatItems(order.items),
    order.totalPrice?.units ?? null,
    order.totalPrice?.nanos ?? null,
    order.totalPrice?.currencyCode ?? null,
    order.revision,
    order.updateTimeMs,
    order.confirmTimeMs ?? null,
  ];
}
