import { importJWK, type JWK, SignJWT } from "jose";
import type { Clock } from "../environment/clock.ts";
import { serviceTokenIssuer, tokenAlgorithm, tokenAudience } from "./token-verifier.ts";

/** How long a service's own token lasts. Short, since it is made anew for nothing and cannot be revoked. */
const lifetimeMs = 5 * 60_000;
/** A token is replaced this long before it ends, so that none ends on its way. */
const renewBeforeMs = 60_000;

/** The proof, for other services, of which service calls. */
export interface ServiceIdentity {
  /** A token that is good for at least another minute. */
  token(): Promise<string>;
}

/** Signs a service's own tokens with its private key, a JWK with `kid` (RFC 7517). */
export function createServiceIdentity(
  name: string,
  { privateKey, clock }: { readonly privateKey: JWK; readonly clock: Clock },
): ServiceIdentity {
  let current: { readonly token: Promise<string>; readonly renewAtMs: number } | undefined;

  async function sign(nowMs: number): Promise<string> {
    const key = await importJWK(privateKey, tokenAlgorithm);
    return new SignJWT()
      .setProtectedHeader({ alg: tokenAlgorithm, typ: "JWT", ...(privateKey.kid ? { kid: privateKey.kid } : {}) })
      .setIssuer(serviceTokenIssuer)
      .setSubject(name)
      .setAudience(tokenAudience)
      .setIssuedAt(new Date(nowMs))
      .setExpirationTime(new Date(nowMs + lifetimeMs))
      .sign(key);
  }

  return {
    token() {
      const nowMs = clock.now();
      if (current === undefined || nowMs >= current.renewAtMs) {
        current = { token: sign(nowMs), renewAtMs: nowMs + lifetimeMs - renewBeforeMs };
      }
      return current.token;
    },
  };
}
