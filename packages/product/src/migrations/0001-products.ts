import type { Migration } from "@parley/store";

// A deleted product keeps its row: orders may still release its units.
// The check on stock is a safeguard that no statement should reach.
export const products: Migration = {
  id: "0001-products",
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
};
