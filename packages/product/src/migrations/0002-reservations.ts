import type { Migration } from "@parley/store";

// The items of a reservation are only ever read together, so they are one column (JSON): one row to write, not one per
// line. Rows are never deleted: a released one refuses a late reservation, a reserved one is sold stock.
export const reservations: Migration = {
  id: "0002-reservations",
  sql: `
      CREATE TABLE reservations (
        order_id TEXT PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('reserved', 'released')),
        items TEXT NOT NULL,
        create_time BIGINT NOT NULL
      );
    `,
};
