import type { Migration } from "@parley/store";

// The sign-in of an earlier release's refresh token began at most 30 days before the token's end: the sign-in ends 90 days after that.
export const signInTimes: Migration = {
  id: "0004-sign-in-times",
  sql: `
    ALTER TABLE refresh_tokens ADD COLUMN sign_in_time BIGINT NOT NULL DEFAULT 0;
    UPDATE refresh_tokens SET sign_in_time = expire_time - 2592000000;
  `,
};
