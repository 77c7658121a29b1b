import type { Migration } from "@parley/store";

/** Issues the sequences of notifications. They become visible in order, so that a watcher skips none. */
export const notificationHead: Migration = {
  id: "0003-notification-head",
  sql: `
    CREATE TABLE notification_head (
      single INTEGER PRIMARY KEY CHECK (single = 1),
      last_sequence BIGINT NOT NULL
    );
    INSERT INTO notification_head (single, last_sequence) SELECT 1, COALESCE(MAX(sequence), 0) FROM notification;
  `,
};
