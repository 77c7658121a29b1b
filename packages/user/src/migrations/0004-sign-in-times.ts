import type { Migration } from "@parley/store";

// An earlier release did not store when a sign-in began: at most 30 days before its refresh token expires. It ends 90 days after that time.
export const signInTimes: Migration = {
  id: "0004-sign-in-times",
  sql: `
    ALTER TABLE refresh_tokens ADD COLUMN sign_in_time BIGINT NOT NULL DEFAULT 0;
    UPDATE refresh_tokens SET sign_in_time = expire_time - 2592000000;
  `,
};
