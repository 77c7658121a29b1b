import { UserError } from "./user-errors.ts";

/** The role of a user. */
export type UserRole = "customer" | "admin";

/** A person who has an account. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly address: string;
  readonly role: UserRole;
  /** Increases with each change. */
  readonly version: number;
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
}

/** The fields of an account that its owner can change. */
export type UserChange = Partial<Pick<User, "name" | "email" | "phone" | "address">>;

/** The account after a change. The same account if nothing changes. Throws INVALID_FIELD. */
export function changeUser(user: User, change: UserChange, nowMs: number): User {
  if (change.name === "") {
    throw new UserError("INVALID_FIELD", "`user.name` must not be empty.", { metadata: { field: "user.name" } });
  }
  if (change.email !== undefined && !isEmail(change.email)) {
    throw new UserError("INVALID_FIELD", "`user.email` must be an e-mail address, such as alice@example.com.", {
      metadata: { field: "user.email" },
    });
  }
  const changed = { ...user, ...change };
  const same = (["name", "email", "phone", "address"] as const).every((field) => changed[field] === user[field]);
  return same ? user : { ...changed, version: user.version + 1, updateTimeMs: nowMs };
}

/** The key of an e-mail address: regardless of case, and of how accents are composed. */
export function emailKey(email: string): string {
  return email.normalize("NFC").toLowerCase();
}

/** The etag of an account's current state. */
export function etagOf(user: User): string {
  return `v${user.version}`;
}

/** Throws ETAG_MISMATCH unless the etag is empty or the account's current one. */
export function checkEtag(user: User, etag: string): void {
  const current = etagOf(user);
  if (etag !== "" && etag !== current) {
    throw new UserError(
      "ETAG_MISMATCH",
      `User ${user.id} was changed since it was read. Read it again, and repeat the change with its \`etag\`.`,
      {
        metadata: { userId: user.id, etag: current },
      },
    );
  }
}

/** The rule of `string.email` in the contracts: the pattern of the HTML standard, section 4.10.5.1.5. */
export function isEmail(text: string): boolean {
  return /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/.test(
    text,
  );
}
