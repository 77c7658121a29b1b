import { eventMigrations } from "@parley/events";
import { idempotencyMigrations, type Migration } from "@parley/store";

/** The schema of the user service: accounts, sign-ins and keys, its events, and the request ids that it answered. */
export const userMigrations: readonly Migration[] = [
  ...eventMigrations,
  ...idempotencyMigrations,
  {
    id: "0001-users",
    // email_key is the e-mail address as accounts are told apart by it: regardless of case.
    sql: `
      CREATE TABLE users (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        email TEXT NOT NULL,
        email_key TEXT NOT NULL UNIQUE,
        phone TEXT NOT NULL,
        address TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('customer', 'admin')),
        password_hash TEXT NOT NULL,
        version BIGINT NOT NULL,
        create_time BIGINT NOT NULL,
        update_time BIGINT NOT NULL
      );
      CREATE INDEX users_by_age ON users (create_time, id);
    `,
  },
  {
    id: "0002-refresh-tokens",
    // All tokens that come of one sign-in are one family.
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
  },
  {
    id: "0003-signing-keys",
    sql: `
      CREATE TABLE signing_keys (
        id TEXT PRIMARY KEY,
        private_jwk TEXT NOT NULL,
        create_time BIGINT NOT NULL
      );
    `,
  },
];
