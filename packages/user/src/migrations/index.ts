import { eventMigrations } from "@parley/events";
import { idempotencyMigrations, type Migration } from "@parley/store";
import { users } from "./0001-users.ts";
import { refreshTokens } from "./0002-refresh-tokens.ts";
import { signingKeys } from "./0003-signing-keys.ts";
import { signInTimes } from "./0004-sign-in-times.ts";

/** The schema of the user service: accounts, sign-ins and keys, its events, and idempotency records. */
export const userMigrations: readonly Migration[] = [
  ...eventMigrations,
  ...idempotencyMigrations,
  users,
  refreshTokens,
  signingKeys,
  signInTimes,
];
