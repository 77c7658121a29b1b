import { marksFor, type PagedList, type Reader, type Transaction } from "@parley/store";
import { emailKey, type User, type UserRole } from "./user.ts";

/** An account, with its password hash. Used only for sign-in. */
export interface UserWithPassword {
  readonly user: User;
  readonly passwordHash: string;
}

interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly address: string;
  readonly role: UserRole;
  readonly version: number;
  readonly create_time: number;
  readonly update_time: number;
}

const columns = "id, name, email, phone, address, role, version, create_time, update_time";

/** Reads one account. */
export async function findUser(reader: Reader, id: string): Promise<User | undefined> {
  const row = await reader.get<UserRow>(`SELECT ${columns} FROM users WHERE id = ?`, id);
  return row && fromRow(row);
}

/** Reads and locks one account until the transaction ends. */
export async function lockUser(transaction: Transaction, id: string): Promise<User | undefined> {
  const row = await transaction.get<UserRow>(`SELECT ${columns} FROM users WHERE id = ? FOR UPDATE`, id);
  return row && fromRow(row);
}

/** The data of a user that an order stores. */
export type Buyer = Pick<User, "name" | "email">;

/** Reads the data that an order stores, by primary key. */
export function findBuyer(reader: Reader, id: string): Promise<Buyer | undefined> {
  return reader.get("SELECT name, email FROM users WHERE id = ?", id);
}

/** Reads the data that orders store, for the existing users among the ids. */
export async function findBuyers(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, Buyer>> {
  const rows = await reader.all<Buyer & { id: string }>(
    `SELECT id, name, email FROM users WHERE id IN (${marksFor(ids)})`,
    ...ids,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Reads the existing accounts, in no order. */
export async function findUsers(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, User>> {
  const rows = await reader.all<UserRow>(`SELECT ${columns} FROM users WHERE id IN (${marksFor(ids)})`, ...ids);
  return new Map(rows.map((row) => [row.id, fromRow(row)]));
}

/** Reads the account with an e-mail address, in any case. */
export async function findUserByEmail(reader: Reader, email: string): Promise<UserWithPassword | undefined> {
  const row = await reader.get<UserRow & { readonly password_hash: string }>(
    `SELECT ${columns}, password_hash FROM users WHERE email_key = ?`,
    emailKey(email),
  );
  return row && { user: fromRow(row), passwordHash: row.password_hash };
}

/** The accounts, oldest first, for reading page by page. */
export function userList(reader: Reader): PagedList<User, [createTimeMs: number, id: string]> {
  return {
    list: "users",
    keyTypes: ["number", "string"],
    keyOf: ({ createTimeMs, id }) => [createTimeMs, id],
    async read(after, limit) {
      const condition = after === undefined ? "" : "WHERE (create_time, id) > (?, ?)";
      const sql = `SELECT ${columns} FROM users ${condition} ORDER BY create_time, id LIMIT ?`;
      return (await reader.all<UserRow>(sql, ...(after ?? []), limit)).map(fromRow);
    },
  };
}

/** Whether there is any account. */
export async function anyUser(reader: Reader): Promise<boolean> {
  return (await reader.get("SELECT 1 AS one FROM users LIMIT 1")) !== undefined;
}

/** Inserts a new account. False, and nothing inserted, if its e-mail address or its id is taken. */
export async function insertUser(transaction: Transaction, { user, passwordHash }: UserWithPassword): Promise<boolean> {
  const inserted = await transaction.run(
    `INSERT INTO users (${columns}, email_key, password_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    user.id,
    user.name,
    user.email,
    user.phone,
    user.address,
    user.role,
    user.version,
    user.createTimeMs,
    user.updateTimeMs,
    emailKey(user.email),
    passwordHash,
  );
  return inserted === 1;
}

/**
 * Updates a locked account. False, and nothing updated, if its e-mail address is taken. Throws
 * `ConstraintError` if another transaction takes it at the same time.
 */
export async function updateUser(transaction: Transaction, user: User): Promise<boolean> {
  const key = emailKey(user.email);
  const updated = await transaction.run(
    `UPDATE users SET name = ?, email = ?, email_key = ?, phone = ?, address = ?, version = ?, update_time = ?
       WHERE id = ? AND version = ? AND NOT EXISTS (SELECT 1 FROM users WHERE email_key = ? AND id <> ?)`,
    user.name,
    user.email,
    key,
    user.phone,
    user.address,
    user.version,
    user.updateTimeMs,
    user.id,
    user.version - 1,
    key,
    user.id,
  );
  return updated === 1;
}

/** Replaces an account's password. False if there is no such account. */
export async function updatePassword(transaction: Transaction, id: string, passwordHash: string): Promise<boolean> {
  return (await transaction.run("UPDATE users SET password_hash = ? WHERE id = ?", passwordHash, id)) === 1;
}

/** The hash of an account's password. Undefined if there is no such account. */
export async function findPasswordHash(reader: Reader, id: string): Promise<string | undefined> {
  return (await reader.get<{ readonly password_hash: string }>("SELECT password_hash FROM users WHERE id = ?", id))
    ?.password_hash;
}

/** Reads and locks the hash of an account's password until the transaction ends. */
export async function lockPasswordHash(transaction: Transaction, id: string): Promise<string | undefined> {
  const sql = "SELECT password_hash FROM users WHERE id = ? FOR UPDATE";
  return (await transaction.get<{ readonly password_hash: string }>(sql, id))?.password_hash;
}

export async function deleteUser(transaction: Transaction, id: string): Promise<void> {
  // The statement waits for a transaction that exchanges a token, and only the next one sees the new token.
  while ((await transaction.run("DELETE FROM refresh_tokens WHERE user_id = ?", id)) > 0);
  await transaction.run("DELETE FROM users WHERE id = ?", id);
}

function fromRow(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    phone: row.phone,
    address: row.address,
    role: row.role,
    version: row.version,
    createTimeMs: row.create_time,
    updateTimeMs: row.update_time,
  };
}
