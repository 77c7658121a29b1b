import { eventMigrations } from "@parley/events";
import { idempotencyMigrations, type Migration } from "@parley/store";

/** The schema of the product service: its own tables, its events, and the request ids that it answered. */
export const productMigrations: readonly Migration[] = [
  ...eventMigrations,
  ...idempotencyMigrations,
  {
    id: "0001-products",
    // A deleted product stays as a row: orders may still give its units back.
    // The check on stock is the last line of defence; no statement is meant to reach it.
    sql: `
      CREATE TABLE products (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        price_currency TEXT NOT NULL,
        price_units BIGINT NOT NULL,
        price_nanos INTEGER NOT NULL,
        stock BIGINT NOT NULL CHECK (stock >= 0),
        low_stock_threshold INTEGER NOT NULL,
        version BIGINT NOT NULL,
        create_time BIGINT NOT NULL,
        update_time BIGINT NOT NULL,
        delete_time BIGINT
      );
      CREATE INDEX products_by_age ON products (create_time, id);
    `,
  },
  {
    id: "0002-reservations",
    // The items of a reservation are only ever read together, so they are one column (JSON): one row to write, not one per
    // line. Rows are kept for good: a released one refuses a late reservation, a standing one is stock that was sold.
    sql: `
      CREATE TABLE reservations (
        order_id TEXT PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('reserved', 'released')),
        items TEXT NOT NULL,
        create_time BIGINT NOT NULL
      );
    `,
  },
];
