import type { Clock } from "@parley/rpc";
import type { Database, Transaction } from "@parley/store";
import { samplePasswordHash } from "../first-users.ts";
import { emailKey, type User } from "../user.ts";
import { UserError, userNotFound } from "../user-errors.ts";
import {
  findPasswordHash,
  findUser,
  findUserByEmail,
  lockPasswordHash,
  type UserWithPassword,
  updatePassword,
} from "../user-store.ts";
import { type AccessToken, signAccessToken } from "./access-token.ts";
import type { ClientAddress } from "./client-address.ts";
import { noPasswordHash, type PasswordHasher } from "./password-hash.ts";
import {
  decideRefresh,
  hashOfToken,
  newRefreshToken,
  type RefreshToken,
  refreshTokenLifetimeMs,
  signInEndMs,
} from "./refresh-token.ts";
import {
  findRefreshToken,
  insertRefreshToken,
  lockRefreshToken,
  markUsed,
  revokeFamily,
  revokeUser,
} from "./refresh-token-store.ts";
import type { SignInLimits } from "./sign-in-limits.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** The result of a sign-in. */
export interface Session {
  readonly user: User;
  readonly access: AccessToken;
  readonly refreshToken: string;
}

/** The e-mail address, the password, and the origin of the call. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly address: ClientAddress;
  readonly signal?: AbortSignal | undefined;
}

/** Signing in and out. */
export interface SignIn {
  /** Throws WRONG_CREDENTIALS, TOO_MANY_FAILED_LOGINS, PASSWORD_QUEUE_FULL. */
  login(credentials: Credentials): Promise<Session>;
  /** Exchanges a refresh token for a new session; it can be used once. Throws REFRESH_TOKEN_ENDED. */
  refresh(refreshToken: string): Promise<Session>;
  /** Ends the sign-in of the refresh token. An unknown one is no error. */
  logout(refreshToken: string): Promise<void>;
  /** Replaces a password and ends the user's sign-ins. Throws USER_NOT_FOUND, WRONG_CREDENTIALS, TOO_MANY_FAILED_LOGINS. */
  changePassword(change: PasswordChange): Promise<void>;
  /** Ends every sign-in of a user. Throws USER_NOT_FOUND. */
  revokeSessions(userId: string): Promise<void>;
}

/** A new password for an account. */
export interface PasswordChange {
  readonly userId: string;
  /** Undefined if an admin sets a password without the current one. Empty for an account without a password. */
  readonly currentPassword: string | undefined;
  readonly newPassword: string;
  readonly address: ClientAddress;
  readonly signal?: AbortSignal | undefined;
}

export interface SignInOptions {
  readonly database: Database;
  readonly clock: Clock;
  newId(): string;
  readonly passwords: PasswordHasher;
  readonly keys: SigningKeys;
  readonly limits: SignInLimits;
  /** Refuses the published password of the sample users. */
  readonly refuseSamplePassword?: boolean;
}

export function createSignIn(options: SignInOptions): SignIn {
  const { database, clock, newId, passwords, keys, limits, refuseSamplePassword = false } = options;

  /** Checks a password within the limits on failures. Throws WRONG_CREDENTIALS, TOO_MANY_FAILED_LOGINS, PASSWORD_QUEUE_FULL. */
  async function checkPassword({ email, password, address, signal }: Credentials): Promise<UserWithPassword> {
    const attempt = { account: emailKey(email), address };
    refuseWhileWaiting(await limits.begin(attempt));
    const found = await findUserByEmail(database, email);
    const known = refuseSamplePassword && found?.passwordHash === samplePasswordHash ? undefined : found;
    const caller = { address: address.turn, signal };
    const right = await passwords.verify(password, known?.passwordHash, caller).catch(async (error: unknown) => {
      await limits.withdraw(attempt);
      throw error;
    });
    if (!right || known === undefined) {
      throw wrongCredentials();
    }
    await limits.succeeded(attempt);
    return known;
  }

  /** The hash of the current password. Throws if the given password is wrong. The current password of an account without one is empty. */
  async function checkedHash({ id }: User, credentials: Credentials): Promise<string> {
    const hasNone = credentials.password === "" && (await findPasswordHash(database, id)) === noPasswordHash;
    return hasNone ? noPasswordHash : (await checkPassword(credentials)).passwordHash;
  }

  async function open(user: User, refreshToken: string): Promise<Session> {
    const key = await keys.current();
    return { user, refreshToken, access: await signAccessToken(user, { key, id: newId(), nowMs: clock.now() }) };
  }

  function storeToken(transaction: Transaction, token: string, of: SignInOfToken) {
    const expireTimeMs = Math.min(clock.now() + refreshTokenLifetimeMs, signInEndMs(of));
    return insertRefreshToken(transaction, { ...of, hash: hashOfToken(token), expireTimeMs });
  }

  return {
    async login(credentials) {
      const { user, passwordHash } = await checkPassword(credentials);
      const refreshToken = newRefreshToken();
      const of = { userId: user.id, familyId: newId(), signInTimeMs: clock.now() };
      await database.transaction(async (transaction) => {
        // The password may have been changed during the check. That ended its sign-ins, so this one must not begin.
        if ((await lockPasswordHash(transaction, user.id)) !== passwordHash) {
          throw wrongCredentials();
        }
        await storeToken(transaction, refreshToken, of);
      });
      return open(user, refreshToken);
    },

    async refresh(presented) {
      const next = newRefreshToken();
      // Returns instead of throwing, so that a revocation is committed.
      const user = await database.transaction(async (transaction) => {
        const nowMs = clock.now();
        const token = await lockRefreshToken(transaction, hashOfToken(presented));
        const decision = decideRefresh(token, nowMs);
        if (token === undefined || decision === "refuse") {
          return undefined;
        }
        if (decision === "revoke-family") {
          await revokeFamily(transaction, token.familyId, nowMs);
          return undefined;
        }
        await markUsed(transaction, token.hash, nowMs);
        await storeToken(transaction, next, token);
        return findUser(transaction, token.userId);
      });
      if (user === undefined) {
        throw new UserError(
          "REFRESH_TOKEN_ENDED",
          "The refresh token is unknown, used, revoked or expired. Sign in again.",
        );
      }
      return open(user, next);
    },

    async logout(presented) {
      await database.transaction(async (transaction) => {
        const token = await findRefreshToken(transaction, hashOfToken(presented));
        if (token !== undefined) {
          await revokeFamily(transaction, token.familyId, clock.now());
        }
      });
    },

    async changePassword({ userId, currentPassword, newPassword, address, signal }) {
      const user = await findUser(database, userId);
      if (user === undefined) {
        throw userNotFound([userId]);
      }
      const checked =
        currentPassword === undefined
          ? undefined
          : await checkedHash(user, { email: user.email, password: currentPassword, address, signal });
      const passwordHash = await passwords.hash(newPassword, { address: address.turn, signal });
      await database.transaction(async (transaction) => {
        // The password may have been changed during the hashing. The checked one is then no longer the current one.
        if (checked !== undefined && ![checked, undefined].includes(await lockPasswordHash(transaction, userId))) {
          throw wrongCredentials();
        }
        if (!(await updatePassword(transaction, userId, passwordHash))) {
          throw userNotFound([userId]);
        }
        await revokeUser(transaction, userId, { nowMs: clock.now() });
      });
    },

    async revokeSessions(userId) {
      await database.transaction(async (transaction) => {
        if ((await findUser(transaction, userId)) === undefined) {
          throw userNotFound([userId]);
        }
        await revokeUser(transaction, userId, { nowMs: clock.now() });
      });
    },
  };
}

function wrongCredentials(): UserError {
  return new UserError("WRONG_CREDENTIALS", "The e-mail address or the password is wrong.");
}

type SignInOfToken = Pick<RefreshToken, "userId" | "familyId" | "signInTimeMs">;

function refuseWhileWaiting(waitMs: number): void {
  if (waitMs > 0) {
    const message = `Too many sign-ins failed. Try again in ${Math.ceil(waitMs / 1000)} s.`;
    throw new UserError("TOO_MANY_FAILED_LOGINS", message, { retryAfterMs: waitMs });
  }
}
