import { tokenAlgorithm, tokenAudience, userTokenIssuer } from "@parley/rpc";
import { SignJWT } from "jose";
import type { User } from "../user.ts";
import type { SigningKey } from "./signing-keys.ts";

/** The time for which an access token is valid. Short, since it cannot be revoked. */
export const accessTokenLifetimeMs = 15 * 60 * 1000;

/** A signed token that identifies the caller, until it expires. */
export interface AccessToken {
  readonly token: string;
  readonly expireTimeMs: number;
}

/** Signs an access token (RFC 9068) for a user. */
export async function signAccessToken(
  user: Pick<User, "id" | "role">,
  { key, id, nowMs }: { readonly key: SigningKey; readonly id: string; readonly nowMs: number },
): Promise<AccessToken> {
  // JWT counts whole seconds (RFC 7519, section 2, NumericDate).
  const issuedAtS = Math.floor(nowMs / 1000);
  const expireTimeS = issuedAtS + accessTokenLifetimeMs / 1000;
  const token = await new SignJWT({ role: user.role })
    .setProtectedHeader({ alg: tokenAlgorithm, kid: key.id, typ: "at+jwt" })
    .setSubject(user.id)
    .setIssuer(userTokenIssuer)
    .setAudience(tokenAudience)
    .setIssuedAt(issuedAtS)
    .setExpirationTime(expireTimeS)
    .setJti(id)
    .sign(key.privateKey);
  return { token, expireTimeMs: expireTimeS * 1000 };
}
