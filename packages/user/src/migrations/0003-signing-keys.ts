import type { Migration } from "@parley/store";

export const signingKeys: Migration = {
  id: "0003-signing-keys",
  sql: `
      CREATE TABLE signing_keys (
        id TEXT PRIMARY KEY,
        private_jwk TEXT NOT NULL,
        create_time BIGINT NOT NULL
      );
    `,
};
