import type { Migration } from "@parley/store";

/** Failed notifications are listed with their cause, and can be redriven. */
export const failedNotifications: Migration = {
  id: "0002-failed-notifications",
  sql: `
    ALTER TABLE notification ADD COLUMN cause TEXT NOT NULL DEFAULT '';
    ALTER TABLE notification ADD COLUMN retry_since_time BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE notification ADD COLUMN fail_time BIGINT;
    UPDATE notification SET retry_since_time = create_time;
    CREATE INDEX notification_failed ON notification (sequence) WHERE state = 3;
  `,
};
