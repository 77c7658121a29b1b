import { createHash, randomBytes } from "node:crypto";

/** How long a refresh token can be used: someone who comes back within a month stays signed in. */
export const refreshTokenLifetimeMs = 30 * 24 * 60 * 60 * 1000;
/** How long a sign-in lasts, however often it is refreshed: then the password is asked for again. */
export const signInLifetimeMs = 90 * 24 * 60 * 60 * 1000;
/** 256 bits: beyond guessing. */
const tokenBytes = 32;

/** A refresh token as the store knows it: by its hash alone. */
export interface RefreshToken {
  readonly hash: string;
  /** The sign-in that it comes from, through however many refreshes. */
  readonly familyId: string;
  readonly userId: string;
  readonly expireTimeMs: number;
  /** When the sign-in began that it comes from. */
  readonly signInTimeMs: number;
  readonly used: boolean;
  readonly revoked: boolean;
}

/** What is to be done when a token is shown. */
export type RefreshDecision = "renew" | "refuse" | "revoke-family";

/**
 * Decides over a token that is shown. One that was used before is in two hands, of which one is a thief's: the whole family
 * ends (RFC 9700, section 4.14.2).
 */
export function decideRefresh(token: RefreshToken | undefined, nowMs: number): RefreshDecision {
  if (token === undefined || token.revoked || nowMs >= Math.min(token.expireTimeMs, signInEndMs(token))) {
    return "refuse";
  }
  return token.used ? "revoke-family" : "renew";
}

/** When a sign-in ends for good, by its first or any later token. */
export function signInEndMs({ signInTimeMs }: Pick<RefreshToken, "signInTimeMs">): number {
  return signInTimeMs + signInLifetimeMs;
}

/** A new random token. */
export function newRefreshToken(): string {
  return randomBytes(tokenBytes).toString("base64url");
}

/** What is kept of a token. It is random, so a plain hash cannot be guessed back. */
export function hashOfToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
