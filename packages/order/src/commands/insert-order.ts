import type { Command, SqlValue } from "@parley/store";
import { type Order, stateOf } from "../order.ts";
import { formatItems } from "../order-row.ts";

/** A new order, its owner and the end of its lease. */
export interface NewOrder {
  readonly order: Order;
  readonly dueTimeMs: number;
  readonly owner: string;
}

/** Inserts a new order, as `placeOrder` makes it. False if its user's request id has an order already. */
export const insertOrder: Command<NewOrder, boolean> = {
  name: "InsertOrder",

  one: async (transaction, input) =>
    (await transaction.run(insertSql, ...ownValues(input), input.order.createTimeMs)) === 1,

  async many(transaction, inputs) {
    const rows = inputs.map(ownValues);
    const columns = ownTypes.map((_, index) => rows.map((row) => row[index] ?? null));
    const inserted = transaction.send<{ id: string }>({ sql: insertManySql, parameters: columns });
    return () => {
      const ids = new Set(inserted().map(({ id }) => id));
      return inputs.map(({ order }) => ({ answer: ids.has(order.id) }));
    };
  },
};

const ownColumns = "id, user_id, user_name, user_email, items, request_id, create_time, due_time, owner";
const ownTypes = ["text", "text", "text", "text", "text", "text", "int8", "int8", "text"];
// The values of every new order. They are no parameters: as arrays, they would cost as much as those of its own.
const sameColumns = "update_time, phase, state, state_reason, revision";
const sameValues = `'RESERVING', '${stateOf("RESERVING")}', '', 1`;
// ON CONFLICT names no index, so that PostgreSQL and SQLite both accept it with a partial one.
const insertSql = `
  INSERT INTO orders (${ownColumns}, ${sameColumns})
  VALUES (${ownTypes.map(() => "?").join(", ")}, ?, ${sameValues}) ON CONFLICT DO NOTHING`;
const insertManySql = `
  INSERT INTO orders (${ownColumns}, ${sameColumns})
  SELECT ${ownColumns}, create_time, ${sameValues}
  FROM unnest(${ownTypes.map((type) => `?::${type}[]`).join(", ")}) AS given (${ownColumns}) ON CONFLICT DO NOTHING RETURNING id`;

/** The values that differ between new orders. */
function ownValues({ order, dueTimeMs, owner }: NewOrder): readonly SqlValue[] {
  return [
    order.id,
    order.userId,
    order.userName,
    order.userEmail,
    formatItems(order.items),
    order.requestId ?? null,
    order.createTimeMs,
    dueTimeMs,
    owner,
  ];
}
