import { type Database, RunAgainError } from "@parley/store";
import type { NewUser } from "./accounts.ts";
import { isEmail } from "./user.ts";
import { anyUser, findUserByEmail, insertUser } from "./user-store.ts";

/** The password of every sample user. */
export const samplePassword = "parley-sample";
/** A precomputed hash: three hashes would delay the first start. A test checks that it matches. */
export const samplePasswordHash =
  "$argon2id$v=19$m=19456,t=2,p=1$eMwVa+PTAqFkzNrfWCMZkg$rsGv3hHB05u4hZvAp09tACYTThovsrm/Z2x6c/r9U/A";

/** The sample users. */
export const sampleUsers: readonly NewUser[] = [
  sample("1", "Alice Johnson", { phone: "+1 555 0101", address: "12 Oak Street, Springfield" }),
  sample("2", "Bob Smith", { phone: "+1 555 0102", address: "34 Elm Street, Springfield" }),
  sample("3", "Charlie Brown", { phone: "+1 555 0103", address: "56 Maple Street, Springfield" }),
];

/** Creates the sample users if there is no user at all. */
export async function loadSampleUsers(database: Database, nowMs: number): Promise<void> {
  await database.transaction(async (transaction) => {
    if (await anyUser(transaction)) {
      return;
    }
    for (const user of sampleUsers) {
      const fields = { ...user, version: 1, createTimeMs: nowMs, updateTimeMs: nowMs };
      // Another replica may be creating the same users.
      await insertUser(transaction, { user: fields, passwordHash: samplePasswordHash });
    }
  });
}

/** The admin to create at the start. */
export interface AdminAccount {
  readonly email: string;
  readonly password: string;
}

/** The admin in the settings, if any. Throws if only one of the settings is set, or if the admin could not sign in. */
export function adminAccount(email: string | undefined, password: string | undefined): AdminAccount | undefined {
  if (email === undefined && password === undefined) {
    return undefined;
  }
  if (email === undefined || password === undefined) {
    const mistake = new Error("Set both ADMIN_EMAIL and ADMIN_PASSWORD, or neither.");
    throw Object.assign(mistake, { setting: "ADMIN_EMAIL" });
  }
  if (!isEmail(email)) {
    throw new Error("ADMIN_EMAIL must be an e-mail address.");
  }
  if (password.length < 8 || password.length > 128) {
    throw new Error("ADMIN_PASSWORD must have 8 to 128 characters.");
  }
  return { email, password };
}

/** The dependencies for creating the admin's account. */
export interface FirstAdmin {
  readonly id: string;
  readonly email: string;
  readonly nowMs: number;
  /** Called only for a new account, since hashing is slow. */
  passwordHash(): Promise<string>;
}

/**
 * Creates the admin's account if its e-mail address has none. Returns whether the account is an admin's: an existing
 * customer account with this address is not promoted, since its owner is unknown.
 */
export async function ensureAdmin(database: Database, admin: FirstAdmin): Promise<boolean> {
  const existing = await findUserByEmail(database, admin.email);
  if (existing !== undefined) {
    return existing.user.role === "admin";
  }
  const passwordHash = await admin.passwordHash();
  return database.transaction(async (transaction) => {
    // Another replica may have been faster.
    const other = await findUserByEmail(transaction, admin.email);
    if (other !== undefined) {
      return other.user.role === "admin";
    }
    const { id, email, nowMs: createTimeMs } = admin;
    const fields = { id, name: "Administrator", email, phone: "", address: "", role: "admin" } as const;
    const user = { ...fields, version: 1, createTimeMs, updateTimeMs: createTimeMs };
    if (!(await insertUser(transaction, { user, passwordHash }))) {
      throw new RunAgainError("Another replica is creating the admin's account.");
    }
    return true;
  });
}

function sample(id: string, name: string, { phone, address }: Pick<NewUser, "phone" | "address">): NewUser {
  const [first = ""] = name.toLowerCase().split(" ");
  return { id, name, email: `${first}@example.com`, phone, address, role: "customer" };
}
