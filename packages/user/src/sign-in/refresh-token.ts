import { createHash, randomBytes } from "node:crypto";

/** The time for which a refresh token can be used: a user who returns within a month stays signed in. */
export const refreshTokenLifetimeMs = 30 * 24 * 60 * 60 * 1000;
/** The longest time of a sign-in, however often it is refreshed. After it, the password is required again. */
export const signInLifetimeMs = 90 * 24 * 60 * 60 * 1000;
/** 256 bits of entropy: infeasible to guess. */
const tokenBytes = 32;

/** A refresh token in the store: only its hash. */
export interface RefreshToken {
  readonly hash: string;
  /** The sign-in of the token, across all refreshes. */
  readonly familyId: string;
  readonly userId: string;
  readonly expireTimeMs: number;
  /** When that sign-in began. */
  readonly signInTimeMs: number;
  readonly used: boolean;
  readonly revoked: boolean;
}

/** The result of checking a token. */
export type RefreshDecision = "renew" | "refuse" | "revoke-family";

/**
 * Checks a token. A used one may have been stolen: the whole family
 * ends (RFC 9700, section 4.14.2).
 */
export function decideRefresh(token: RefreshToken | undefined, nowMs: number): RefreshDecision {
  if (token === undefined || token.revoked || nowMs >= Math.min(token.expireTimeMs, signInEndMs(token))) {
    return "refuse";
  }
  return token.used ? "revoke-family" : "renew";
}

/** When a sign-in ends, with its first or any later token. */
export function signInEndMs({ signInTimeMs }: Pick<RefreshToken, "signInTimeMs">): number {
  return signInTimeMs + signInLifetimeMs;
}

/** A new random token. */
export function newRefreshToken(): string {
  return randomBytes(tokenBytes).toString("base64url");
}

/** The stored form of a token. It is random, so a plain hash cannot be reversed. */
export function hashOfToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
