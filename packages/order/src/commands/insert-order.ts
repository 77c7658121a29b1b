import type { Command, SqlValue } from "@parley/store";
import { type Order, stateOf } from "../order.ts";
import { formatItems } from "../order-row.ts";

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
    const inserted = transaction.send<{ id: string }>({ sql: insertManySql, parameters: columns });
    return () => {
      const ids = new Set(inserted().map(({ id }) => id));
      return inputs.map(({ order }) => ({ answer: ids.has(order.id) }));
    };
  },
};

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
