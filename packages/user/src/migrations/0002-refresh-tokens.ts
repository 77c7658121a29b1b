import type { Migration } from "@parley/store";

// All tokens of one sign-in are one family.
export const refreshTokens: Migration = {
  id: "0002-refresh-tokens",
  sql: `
      CREATE TABLE refresh_tokens (
        token_hash TEXT PRIMARY KEY,
        family_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        expire_time BIGINT NOT NULL,
        use_time BIGINT,
        revoke_time BIGINT
      );
      CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);
      CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user_id);
      CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expire_time);
    `,
};
