import type { Migration } from "@parley/store";

/**
 * One row per order. Its lines are one compact column, since they are written once and always read together.
 * - `items`: JSON, `[[product id, quantity], …]` until confirmed, then `[[product id, quantity, name, units, nanos], …]`.
 * - `due_time`: when recovery may take the order over; null once it is settled. It is in the future while a process works on the
 * order, so that no other process takes it over. `owner` names that process, so that it need not wait after a restart.
 * `attempts` counts recovery's attempts since the last transition.
 */
export const orders: Migration = {
  id: "order/0001-orders",
  sql: `
    CREATE TABLE orders (
      id TEXT PRIMARY KEY,
      user_id TEXT NOT NULL,
      user_name TEXT NOT NULL,
      user_email TEXT NOT NULL,
      items TEXT NOT NULL,
      total_units BIGINT,
      total_nanos INTEGER,
      currency TEXT,
      phase TEXT NOT NULL,
      state TEXT NOT NULL,
      state_reason TEXT NOT NULL,
      refusal TEXT,
      request_id TEXT,
      revision INTEGER NOT NULL,
      create_time BIGINT NOT NULL,
      update_time BIGINT NOT NULL,
      confirm_time BIGINT,
      due_time BIGINT,
      owner TEXT NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX orders_by_request ON orders (user_id, request_id) WHERE request_id IS NOT NULL;
    CREATE INDEX orders_by_user ON orders (user_id, id);
    CREATE INDEX orders_by_state ON orders (state, id);
    CREATE INDEX orders_due ON orders (due_time) WHERE due_time IS NOT NULL;
  `,
};
