export { type AdminAccount, adminAccount, samplePassword } from "./first-users.ts";
export { userMigrations } from "./migrations/index.ts";
export { createKeySeal, readOrMakeSecret, secretCharsMin } from "./sign-in/key-seal.ts";
export type { UserReason } from "./user-errors.ts";
export { createUserModule, type UserModuleOptions } from "./user-module.ts";
