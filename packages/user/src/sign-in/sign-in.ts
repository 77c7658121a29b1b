import type { Clock } from "@parley/rpc";
import type { Database, Transaction } from "@parley/store";
import { emailKey, type User } from "../user.ts";
import { UserError } from "../user-errors.ts";
import { findUser, findUserByEmail } from "../user-store.ts";
import { type AccessToken, signAccessToken } from "./access-token.ts";
import { createFailedLogins, type FailedLogins } from "./failed-logins.ts";
import type { PasswordHasher } from "./password-hash.ts";
import { decideRefresh, hashOfToken, newRefreshToken, refreshTokenLifetimeMs } from "./refresh-token.ts";
import { findRefreshToken, insertRefreshToken, markUsed, revokeFamily } from "./refresh-token-store.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** What a sign-in gives. */
export interface Session {
  readonly user: User;
  readonly access: AccessToken;
  readonly refreshToken: string;
}

/** Who wants to sign in, and from where. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** The network address that the call comes from. */
  readonly address: string;
  readonly signal?: AbortSignal | undefined;
}

/** Signing in and out. */
export interface SignIn {
  /** Throws WRONG_CREDENTIALS, TOO_MANY_FAILED_LOGINS, PASSWORD_QUEUE_FULL. */
  login(credentials: Credentials): Promise<Session>;
  /** Trades a refresh token for a new session; it can be used once. Throws REFRESH_TOKEN_ENDED. */
  refresh(refreshToken: string): Promise<Session>;
  /** Ends the sign-in that the refresh token comes from. One that is unknown is no error. */
  logout(refreshToken: string): Promise<void>;
}

export interface SignInOptions {
  readonly database: Database;
  readonly clock: Clock;
  newId(): string;
  readonly passwords: PasswordHasher;
  readonly keys: SigningKeys;
}

export function createSignIn({ database, clock, newId, passwords, keys }: SignInOptions): SignIn {
  const { byAccount, byAddress } = failureLimits(clock);

  async function open(user: User, refreshToken: string): Promise<Session> {
    const key = await keys.current();
    return { user, refreshToken, access: await signAccessToken(user, { key, id: newId(), nowMs: clock.now() }) };
  }

  function keep(transaction: Transaction, token: string, of: { readonly userId: string; readonly familyId: string }) {
    const expireTimeMs = clock.now() + refreshTokenLifetimeMs;
    return insertRefreshToken(transaction, { ...of, hash: hashOfToken(token), expireTimeMs });
  }

  return {
    async login({ email, password, address, signal }) {
      const account = emailKey(email);
      refuseWhileWaiting(Math.max(byAccount.waitMs(account), byAddress.waitMs(address)));
      byAccount.failed(account);
      byAddress.failed(address);
      const known = await findUserByEmail(database, email);
      const right = await passwords.verify(password, known?.passwordHash, signal).catch((error: unknown) => {
        // Not checked, so not a failure of whoever tried.
        byAccount.succeeded(account);
        byAddress.succeeded(address);
        throw error;
      });
      if (!right || known === undefined) {
        throw new UserError("WRONG_CREDENTIALS", "E-mail address and password do not go together.");
      }
      byAccount.forget(account);
      // Only the one try: whoever knows one password must not get free guesses at others by it.
      byAddress.succeeded(address);
      const refreshToken = newRefreshToken();
      const familyId = newId();
      await database.transaction((transaction) => keep(transaction, refreshToken, { userId: known.user.id, familyId }));
      return open(known.user, refreshToken);
    },

    async refresh(shown) {
      const next = newRefreshToken();
      // Answers instead of throwing, so that a revocation is kept.
      const user = await database.transaction(async (transaction) => {
        const nowMs = clock.now();
        const token = await findRefreshToken(transaction, hashOfToken(shown));
        const decision = decideRefresh(token, nowMs);
        if (token === undefined || decision === "refuse") {
          return undefined;
        }
        if (decision === "revoke-family") {
          await revokeFamily(transaction, token.familyId, nowMs);
          return undefined;
        }
        await markUsed(transaction, token.hash, nowMs);
        await keep(transaction, next, token);
        return findUser(transaction, token.userId);
      });
      if (user === undefined) {
        throw new UserError("REFRESH_TOKEN_ENDED", "The refresh token has ended. Sign in again.");
      }
      return open(user, next);
    },

    async logout(shown) {
      await database.transaction(async (transaction) => {
        const token = await findRefreshToken(transaction, hashOfToken(shown));
        if (token !== undefined) {
          await revokeFamily(transaction, token.familyId, clock.now());
        }
      });
    },
  };
}

function refuseWhileWaiting(waitMs: number): void {
  if (waitMs > 0) {
    const message = `Too many sign-ins failed. Try again in ${Math.ceil(waitMs / 1000)} s.`;
    throw new UserError("TOO_MANY_FAILED_LOGINS", message, { retryAfterMs: waitMs });
  }
}

/**
 * An account: after five failures the waits double from a second to a minute, which leaves an attacker 1,440 guesses a day
 * and locks no owner out for longer. An address, which many people may share: twenty failures, up to a quarter of an hour.
 */
function failureLimits(clock: Clock): { readonly byAccount: FailedLogins; readonly byAddress: FailedLogins } {
  const shared = { clock, firstWaitMs: 1_000, forgetAfterMs: 30 * 60_000, keysMax: 10_000 };
  return {
    byAccount: createFailedLogins({ ...shared, freeFailures: 5, longestWaitMs: 60_000 }),
    byAddress: createFailedLogins({ ...shared, freeFailures: 20, longestWaitMs: 15 * 60_000 }),
  };
}
