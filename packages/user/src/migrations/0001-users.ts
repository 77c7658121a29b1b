import type { Migration } from "@parley/store";

// email_key is the e-mail address in lower case: accounts are unique by it.
export const users: Migration = {
  id: "0001-users",
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
};
