import type { Migration } from "@parley/store";

export const notifications: Migration = {
  id: "0001-notifications",
  sql: `
    CREATE TABLE notification (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      user_id TEXT NOT NULL,
      kind INTEGER NOT NULL,
      recipient TEXT NOT NULL,
      subject TEXT NOT NULL,
      body TEXT NOT NULL,
      order_id TEXT NOT NULL,
      product_id TEXT NOT NULL,
      state INTEGER NOT NULL,
      attempts INTEGER NOT NULL,
      next_attempt_time BIGINT NOT NULL,
      create_time BIGINT NOT NULL,
      send_time BIGINT
    );
    CREATE INDEX notification_by_user ON notification (user_id, sequence);
    CREATE INDEX notification_by_order ON notification (order_id, sequence);
    CREATE INDEX notification_unsent ON notification (next_attempt_time) WHERE state = 1;
  `,
};
