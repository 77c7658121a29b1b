import { ConstraintError, type Transaction } from "@parley/store";
import { changeUser, checkEtag, type User, type UserChange } from "./user.ts";
import { emailTaken, userNotFound } from "./user-errors.ts";
import * as store from "./user-store.ts";

/** The data of a new account. */
export type NewUser = Pick<User, "id" | "name" | "email" | "phone" | "address" | "role">;

/** Creates an account. Throws EMAIL_TAKEN. */
export async function addUser(
  transaction: Transaction,
  fields: NewUser,
  { passwordHash, nowMs }: { readonly passwordHash: string; readonly nowMs: number },
): Promise<User> {
  const user: User = { ...fields, version: 1, createTimeMs: nowMs, updateTimeMs: nowMs };
  if (!(await store.insertUser(transaction, { user, passwordHash }))) {
    throw emailTaken("email");
  }
  return user;
}

/** An account and the change to make. */
export interface UserEdit {
  readonly id: string;
  /** The etag that the writer read. Empty: no comparison. */
  readonly etag: string;
  readonly change: UserChange;
  readonly nowMs: number;
}

/** Changes an account; returns the account after it. Throws USER_NOT_FOUND, ETAG_MISMATCH, INVALID_FIELD, EMAIL_TAKEN. */
export async function editUser(transaction: Transaction, { id, etag, change, nowMs }: UserEdit): Promise<User> {
  const user = await lockUserWithEtag(transaction, { id, etag });
  const changed = changeUser(user, change, nowMs);
  if (changed !== user && !(await update(transaction, changed))) {
    throw emailTaken("user.email");
  }
  return changed;
}

/** Deletes an account and ends its sign-ins. Throws USER_NOT_FOUND, ETAG_MISMATCH. */
export async function removeUser(transaction: Transaction, edit: Pick<UserEdit, "id" | "etag">): Promise<void> {
  await lockUserWithEtag(transaction, edit);
  await store.deleteUser(transaction, edit.id);
}

async function update(transaction: Transaction, user: User): Promise<boolean> {
  try {
    return await store.updateUser(transaction, user);
  } catch (error) {
    if (error instanceof ConstraintError && error.columns.includes("users.email_key")) {
      return false;
    }
    throw error;
  }
}

async function lockUserWithEtag(transaction: Transaction, { id, etag }: Pick<UserEdit, "id" | "etag">): Promise<User> {
  const user = await store.lockUser(transaction, id);
  if (user === undefined) {
    throw userNotFound([id]);
  }
  checkEtag(user, etag);
  return user;
}
