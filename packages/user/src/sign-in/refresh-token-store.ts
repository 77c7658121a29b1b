import type { Database, Reader, Transaction } from "@parley/store";
import type { RefreshToken } from "./refresh-token.ts";

/** Tokens deleted in one transaction: few enough that no call waits noticeably. */
const pruneBatchSize = 500;

interface RefreshTokenRow {
  readonly token_hash: string;
  readonly family_id: string;
  readonly user_id: string;
  readonly expire_time: number;
  readonly use_time: number | null;
  readonly revoke_time: number | null;
  readonly sign_in_time: number;
}

export async function findRefreshToken(reader: Reader, hash: string): Promise<RefreshToken | undefined> {
  const row = await reader.get<RefreshTokenRow>("SELECT * FROM refresh_tokens WHERE token_hash = ?", hash);
  return row && fromRow(row);
}

/** Reads and locks a token until the transaction ends: of two concurrent uses the second sees the first. */
export async function lockRefreshToken(transaction: Transaction, hash: string): Promise<RefreshToken | undefined> {
  const sql = "SELECT * FROM refresh_tokens WHERE token_hash = ? FOR UPDATE";
  const row = await transaction.get<RefreshTokenRow>(sql, hash);
  return row && fromRow(row);
}

function fromRow(row: RefreshTokenRow): RefreshToken {
  return {
    hash: row.token_hash,
    familyId: row.family_id,
    userId: row.user_id,
    expireTimeMs: row.expire_time,
    signInTimeMs: row.sign_in_time,
    used: row.use_time !== null,
    revoked: row.revoke_time !== null,
  };
}

export async function insertRefreshToken(
  transaction: Transaction,
  token: Omit<RefreshToken, "used" | "revoked">,
): Promise<void> {
  await transaction.run(
    "INSERT INTO refresh_tokens (token_hash, family_id, user_id, expire_time, sign_in_time) VALUES (?, ?, ?, ?, ?)",
    token.hash,
    token.familyId,
    token.userId,
    token.expireTimeMs,
    token.signInTimeMs,
  );
}

export async function markUsed(transaction: Transaction, hash: string, nowMs: number): Promise<void> {
  await transaction.run("UPDATE refresh_tokens SET use_time = ? WHERE token_hash = ?", nowMs, hash);
}

/** Revokes every token of the sign-in. */
export async function revokeFamily(transaction: Transaction, familyId: string, nowMs: number): Promise<void> {
  const sql = "UPDATE refresh_tokens SET revoke_time = ? WHERE family_id = ? AND revoke_time IS NULL";
  await untilNone(() => transaction.run(sql, nowMs, familyId));
}

/** Revokes every sign-in of the user, except one family if given. */
export async function revokeUser(
  transaction: Transaction,
  userId: string,
  { nowMs, keepFamilyId = "" }: { readonly nowMs: number; readonly keepFamilyId?: string | undefined },
): Promise<void> {
  const sql = "UPDATE refresh_tokens SET revoke_time = ? WHERE user_id = ? AND family_id <> ? AND revoke_time IS NULL";
  await untilNone(() => transaction.run(sql, nowMs, userId, keepFamilyId));
}

/**
 * Repeated until nothing is left. The statement waits for a transaction that is exchanging a token, and
 * only the next statement sees the new one.
 */
async function untilNone(revoke: () => Promise<number>): Promise<void> {
  while ((await revoke()) > 0);
}

/** Deletes the tokens that expired before `beforeMs`. */
export async function pruneRefreshTokens(database: Database, beforeMs: number): Promise<void> {
  let pruned = pruneBatchSize;
  while (pruned === pruneBatchSize) {
    pruned = await database.transaction((transaction) =>
      transaction.run(
        `DELETE FROM refresh_tokens WHERE token_hash IN
           (SELECT token_hash FROM refresh_tokens WHERE expire_time < ? ORDER BY expire_time LIMIT ${pruneBatchSize})`,
        beforeMs,
      ),
    );
  }
}
